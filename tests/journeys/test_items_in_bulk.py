"""An office brings its items in by the command line, through the gateway: good rows are drafts, the wrong one comes back as a file."""

import asyncio
import json
from pathlib import Path

import pytest

from catalog_svc.sheet.outside import read_sheets
from tests.support.whole import SignIn
from tongban_operations.__main__ import main

HEADINGS = "基本编码,实施主体编码,事项名称,办理形式,服务对象,办件类型,法定办结时限,法定办结时限依据,承诺办结时限,设定依据,审批结果名称,不予许可情形,原平台编码"
GOOD = "000131014000,11430181TB000001XB,个体工商户登记,本地办理、全程网办,自然人,承诺件,20,行政许可法 §42,3,《条例》第八条,营业执照,D1|不符合条件|行政许可法 §38,莞-1"
BAD = "000511007000,11430181TB0000087E,高龄津贴申领,本地办理,自然人,承诺件,20,行政许可法 §42,很快,《条例》第八条,决定书,D1|不符合条件|行政许可法 §38,"


async def test_an_office_brings_in_its_items_by_the_command_line(
    sign_in: SignIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    author = await sign_in("catalog-author")
    (tmp_path / "token").write_text(str(author.token))
    (tmp_path / "items.csv").write_text(f"{HEADINGS}\n{GOOD}\n{BAD}\n", encoding="gbk")
    url = str(author.http.base_url)
    asked = [str(tmp_path / "items.csv"), "--region", "430181", "--url", url, "--token-file", str(tmp_path / "token")]

    code = await asyncio.to_thread(main, ["import", *asked, "--execute", "--json", "--returned", str(tmp_path / "returned.xlsx")])

    told = json.loads(capsys.readouterr().out)
    [flaw] = told["flaws"]
    rows = [row for sheet in read_sheets((tmp_path / "returned.xlsx").read_bytes()) for row in sheet.rows]
    found = await author.get("/service-items/former-codes", params={"code": "莞-1"})
    assert (code, told["state"]) == (1, "imported")
    assert told["counts"]["bad"] == 1
    assert (flaw["row"], flaw["column"], flaw["rule"]) == (3, "I", "bulk.number")
    assert rows[1].cells[8].text == "很快"
    assert [one["item_id"] for one in found["items"]] == ["11430181TB000001XB4000131014000"]
