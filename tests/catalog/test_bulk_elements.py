"""What few items have, written by hand in cells of their own: 容缺, certificates, lists, ways, steps, grounds and charges."""

from typing import Any

import orjson
import pytest

from catalog_svc.bulk.domain.cleared import cleared
from catalog_svc.item.domain import NOTICE, ItemDraft
from contracts.codec import decode
from tests.catalog.builders import Service, a_draft
from tests.catalog.runs import a_row, checked, exported, imported, published, rows_of
from tests.catalog.tables import HEADINGS, a_text, a_workbook
from tests.catalog.test_bulk_files import judged
from tests.catalog.test_bulk_steps import SHORT, short
from tests.catalog.test_certificates import put_on_the_list

LATER = ("所在清单", "同城通办方式", "多层办理环节", "特别程序", "收费项目", "结果样本编码")
BY_HAND = {
    "lists": "县级|就近办\n村（社区）|帮代办清单",
    "cityWays": "窗口前移、跨镇通办",
    "chain": (
        "街道受理|受理|街道办事处|个体工商户条例 §4|层级：镇街级|窗口办理：是|窗口交叉审核：是|时限：1个工作日|时限依据：本机关承诺\n"
        "窗口审批|决定|市场监管窗口|个体工商户条例 §4"
    ),
    "specialProcedure": "听证|行政许可法 §45|30个工作日|期限依据：行政许可法 §47\n检验检测|行政许可法 §45|无|停止时限：办理时限、送达时限|编号：testing",
    "charges": "证照工本费|每证10.5元|发改价格〔2003〕2322号|金额：10.5元|可否减免：是|减免说明：低保对象免收",
    "resultTemplate": "business-licence-2019",
}
MATERIALS = (
    "申请书|是|申请人自备|1|否|个体工商户条例 §8\n"
    "经营场所证明|是|申请人自备|１|是|个体工商户条例 §8|证明清单编号：premises-proof|容缺（是/否）：是|补交期限：2个工作日|容缺依据：国发〔2014〕47号"
    "｜有效期：180天|证照替代：不动产权证书、residence_permit|承诺替代：是|可信等级：b|来源渠道：村（居）民委员会\n"
    "检测报告|否|中介机构|1|否|个体工商户条例 §8|中介服务事项：食品安全检测|有效期:90|文件格式：PDF、JPG|编号：test_report|英文名称：Test report"
)


def cell(field: str, **cells: str) -> Any:
    """What a row with these cells says at a place of the draft."""
    [row] = judged(a_workbook([HEADINGS, a_row(**cells)])).good
    found = row["draft"]
    for name in field.split("/"):
        found = found[name]
    return found


def told(**cells: str) -> list[tuple[str, str, str, str]]:
    """Column, rule, place and Chinese text of what is wrong with a row with these cells."""
    run = judged(a_text([HEADINGS, a_row(**cells)]))
    return [(flaw.get("field", ""), flaw["rule"], flaw.get("pointer", ""), flaw["detail"]) for row in run.rows for flaw in row["flaws"]]


# -- by hand


def test_a_material_says_behind_its_six_parts_by_name_what_few_materials_say() -> None:
    first, second, third = cell("parts/checklist/materials", materials=MATERIALS)

    assert {"deferral", "certificate", "valid_days"}.isdisjoint(first)
    assert second["deferral"] == {"amount": 2, "unit": "workdays", "basis": "国发〔2014〕47号"}
    assert (second["nature"], second["certificate"]) == ("certificate", "premises-proof")
    assert (second["valid_days"], second["by_commitment"], second["trust"]) == (180, True, "B")
    assert second["replaced_by"] == ["real_estate_certificate", "residence_permit"]
    assert (second["issuer"], second["original_seen"], second["code"]) == ("村（居）民委员会", True, "m2")
    assert (third["source"], third["intermediary"], third["valid_days"]) == ("intermediary", "食品安全检测", 90)
    assert (third["media_types"], third["code"], third["name_en"]) == (["application/pdf", "image/jpeg"], "test_report", "Test report")


def test_a_line_of_six_parts_reads_as_ever() -> None:
    [one] = cell("parts/checklist/materials", materials='申请书|是|申请人自备|1|否|行政许可法 §29|{"code":"form","trust":"C"}')

    assert one == {
        "code": "form",
        "name": "申请书",
        "name_en": "申请书",
        "when": {"always": True},
        "required": True,
        "source": "applicant",
        "media_types": ["application/pdf", "image/jpeg", "image/png"],
        "max_bytes": 10_485_760,
        "original_seen": False,
        "basis": "行政许可法 §29",
        "copies": 1,
        "sample": "",
        "trust": "C",
    }


def test_lists_ways_steps_grounds_and_charges_have_columns_of_their_own() -> None:
    [row] = judged(a_workbook([HEADINGS, a_row(**BY_HAND)])).good
    content, texts = row["draft"]["content"], row["draft"]["parts"]["texts"]

    assert content["lists"] == [["county", "nearby"], ["village", "assisted"]]
    assert content["ways"] == ["moved_down", "across_towns"]
    street, window = texts["chain"]
    assert (street["act"], street["organ_role"], street["level"]) == ("accept", "subdistrict_office", "town")
    assert (street["at_window"], street["second_officer"]) == (True, True)
    assert street["limit"] == {"amount": 1, "unit": "workdays", "basis": "本机关承诺"}
    assert (window["act"], window["organ_role"], window["level"], window["limit"]) == ("decide", "market_window", "county", None)
    hearing, testing = texts["stops"]
    assert (hearing["name"], hearing["basis"], hearing["clocks"]) == ("听证", "行政许可法 §45", ["decision"])
    assert hearing["limit"] == {"amount": 30, "unit": "workdays", "basis": "行政许可法 §47"}
    assert (testing["code"], testing["limit"], testing["clocks"]) == ("testing", None, ["decision", "delivery"])
    [charge] = texts["fee_lines"]
    assert (charge["amount_fen"], charge["reducible"], charge["reduction"]) == (1_050, True, "低保对象免收")
    assert texts["result_template"] == "business-licence-2019"
    assert row["kept"] == []


@pytest.mark.parametrize("text", ["无", " 无\n"])
def test_where_there_is_none_of_something_the_office_writes_so(text: str) -> None:
    [row] = judged(a_workbook([HEADINGS, a_row(**dict.fromkeys(BY_HAND, text), materials=text)])).good

    assert row["kept"] == []
    assert {"lists", "ways"} & row["draft"]["content"].keys() == {"ways"}
    assert row["draft"]["content"]["ways"] == []
    assert {"chain", "stops", "fee_lines", "result_template"}.isdisjoint(row["draft"]["parts"]["texts"])
    assert row["draft"]["parts"]["checklist"]["materials"] == []


@pytest.mark.parametrize(
    ("code", "line", "field", "rule", "pointer", "part"),
    [
        ("materials", "申请书|是|申请人自备|1|否|依据|容缺", "申请材料", "bulk.record", "/checklist/materials/0", "第 7 项"),
        ("materials", "申请书|是|申请人自备|1|否|依据|天气：晴", "申请材料", "bulk.record", "/checklist/materials/0", "第 7 项"),
        ("materials", "甲|是|1|1|否|依据\n乙|是|1|1|否|依据|容缺：是|补交期限：尽快", "申请材料", "bulk.period", "/checklist/materials/1/deferral", "第 2 行：第 8 项（补交期限）"),
        ("materials", "申请书|是|1|1|否|依据|容缺：也许", "申请材料", "bulk.choice", "/checklist/materials/0/deferral/allowed", "第 7 项（容缺）"),
        ("materials", "申请书|是|1|1|否|依据|容缺：是", "申请材料", "bulk.record", "/checklist/materials/0/deferral", "补交期限"),
        ("materials", "申请书|是|1|1|否|依据|容缺：否|补交期限：5日", "申请材料", "bulk.record", "/checklist/materials/0/deferral", "补交期限"),
        ("materials", "申请书|是|1|1|否|依据|容缺依据：某文", "申请材料", "bulk.record", "/checklist/materials/0/deferral/basis", "容缺依据"),
        ("materials", "申请书|是|1|1|否|依据|有效期：6个月", "申请材料", "bulk.days", "/checklist/materials/0/valid_days", "第 7 项（有效期）"),
        ("materials", "申请书|是|1|1|否|依据||可信等级：甲", "申请材料", "bulk.choice", "/checklist/materials/0/trust", "第 8 项（可信等级）"),
        ("materials", "申请书|是|1|1|否|依据|证照替代：护照本", "申请材料", "bulk.choice", "/checklist/materials/0/replaced_by", "第 7 项（证照替代）"),
        ("materials", "申请书|是|1|1|否|依据|证明清单编号：第一号", "申请材料", "bulk.choice", "/checklist/materials/0/certificate", "第 7 项"),
        ("materials", "申请书|是|1|1|否|依据|编号：a|编号：b", "申请材料", "bulk.record", "/checklist/materials/0/code", "重复"),
        ("materials", '申请书|是|1|1|否|依据|编号：a|{"code":"b"}', "申请材料", "bulk.said-twice", "/checklist/materials/0/code", "不一致"),
        ("materials", '申请书|是|申请人自备|1|否|依据|容缺：否|{"deferral":{"amount":2,"unit":"workdays","basis":"x"}}', "申请材料", "bulk.said-twice", "/checklist/materials/0/deferral", "不一致"),
        ("lists", "省级|就近办", "所在清单", "bulk.choice", "/version/lists/0/0", "第 1 项"),
        ("lists", '县级|就近办|{"level":"city"}', "所在清单", "bulk.record", "/version/lists/0", "JSON"),
        ("lists", "县级|就近办|是", "所在清单", "bulk.record", "/version/lists/0", "超过 2 项"),
        ("cityWays", "全市通办", "同城通办方式", "bulk.choice", "/version/ways", "市级事项窗口前移"),
        ("chain", "审核|看看|街道办事处|依据", "多层办理环节", "bulk.choice", "/texts/chain/0/act", "第 2 项"),
        ("chain", "审核|审核|街道那边|依据", "多层办理环节", "bulk.choice", "/texts/chain/0/organ_role", "第 3 项"),
        ("chain", "审核|审核|街道办事处", "多层办理环节", "bulk.record", "/texts/chain/0/basis", "缺少第 4 项"),
        ("specialProcedure", "听证", "特别程序", "bulk.record", "/texts/stops/0/basis", "缺少第 2 项"),
        ("specialProcedure", "听证|行政许可法 §45|很久", "特别程序", "bulk.period", "/texts/stops/0/limit", "第 3 项"),
        ("specialProcedure", "听证|行政许可法 §45|无|期限依据：某文", "特别程序", "bulk.record", "/texts/stops/0/limit/basis", "期限依据"),
        ("charges", "工本费|每证十元|依据|金额：十元", "收费项目", "bulk.sum", "/texts/fee_lines/0/amount_fen", "第 4 项（金额）"),
    ],
)  # fmt: skip
def test_a_part_that_nobody_understands_is_told_by_row_column_line_part_and_rule(
    code: str, line: str, field: str, rule: str, pointer: str, part: str
) -> None:
    [flaw] = told(**{code: line})

    assert flaw[:3] == (field, rule, pointer)
    assert part in flaw[3]


# -- beside 其他属性


def old_style(body: Any, *, others: Any) -> tuple[list[str], list[str]]:
    """Headings and a row as a file had them that was exported before these columns were."""
    version = body["version"]
    row = dict(zip(HEADINGS, a_row(), strict=True)) | {"其他属性": orjson.dumps(others).decode() if others else ""}
    assert version["item_code"] == row["基本编码"]
    kept = [name for name in HEADINGS if name not in LATER]
    return kept, [row[name] for name in kept]


OTHERS: dict[str, Any] = {
    "version": {"lists": [["county", "nearby"]], "ways": ["moved_down", "across_towns"]},
    "texts": {
        "stops": [
            {"code": "hearing", "name": "听证", "name_en": "Hearing", "clocks": ["decision"], "basis": "行政许可法 §45", "limit": None}
        ],
        "result_template": "business-licence",
    },
}


def test_a_file_that_was_exported_before_says_what_it_said() -> None:
    body = a_draft()
    body["version"] |= OTHERS["version"]
    body["texts"] |= OTHERS["texts"]

    [row] = judged(a_text(old_style(body, others=OTHERS))).good
    [bare] = judged(a_text(old_style(body, others=None))).good

    assert row["draft"]["content"] == body["version"]
    assert row["draft"]["parts"]["texts"] == {"kind": "texts"} | body["texts"]
    assert {"lists", "ways"}.isdisjoint(bare["draft"]["content"])
    assert (row["kept"], bare["kept"]) == ([], [])


def test_a_column_that_an_office_took_from_an_export_leaves_what_is_published() -> None:
    row = dict(zip(HEADINGS, a_row(**BY_HAND), strict=True))
    del row["多层办理环节"]

    [read] = judged(a_text([[*row], [*row.values()]])).good

    assert read["kept"] == [["texts", "chain"]]
    assert "chain" not in read["emptied"]


@pytest.mark.parametrize(
    ("code", "field", "text"),
    [("lists", "所在清单", "镇街级|就近办"), ("specialProcedure", "特别程序", "无"), ("resultTemplate", "结果样本编码", "other")],
)
def test_what_a_column_and_the_other_attributes_say_differently_is_given_back_with_both_names(code: str, field: str, text: str) -> None:
    [(column_named, rule, _, detail)] = told(others=orjson.dumps(OTHERS).decode(), cityWays="", **{code: text}, **_same_but(code))

    assert (column_named, rule) == (field, "bulk.said-twice")
    assert field in detail
    assert "其他属性" in detail


def _same_but(code: str) -> dict[str, str]:
    same = {"lists": "县级|就近办", "specialProcedure": "", "resultTemplate": "business-licence"}
    return {name: text for name, text in same.items() if name != code}


# -- what an empty cell does to what is published


def a_table_by_hand() -> bytes:
    """An office's own table: titles above, no column that only an export fills."""
    row = dict(zip(SHORT, short(a_row(**BY_HAND, materials=MATERIALS)), strict=True))
    del row["其他属性"]
    return a_workbook(
        [["浏阳市市场监督管理局政务服务事项实施清单"], ["填报单位：登记注册股", "填报日期：2026年11月"], [*row], [*row.values()]]
    )


async def with_elements(service: Service) -> str:
    """Publish an item with all of them, by hand; its id."""
    await put_on_the_list(service)
    run = await published(service, a_table_by_hand())
    assert [row["flaws"] for row in await rows_of(service, run)] == [[]]
    service.context.now.set_offset(NOTICE.total_seconds() + 1)
    await service.hear_all()
    version_id: str = (await rows_of(service, run))[0]["version_id"]
    return version_id


async def shown_of(service: Service, run: Any) -> Any:
    return (await service.get(f"/service-items/versions/{(await rows_of(service, run))[0]['version_id']}")).json()


async def test_an_office_writes_a_material_that_may_follow_and_the_guide_shows_it(service: Service) -> None:
    version_id = await with_elements(service)

    page = (await service.get(f"/service-guides/{version_id.rpartition('-v')[0]}", {"format": "html"})).text
    again = await checked(service, a_table_by_hand())
    back = await checked(service, await exported(service))

    assert "经营场所证明" in page
    assert "可容缺 may follow：2 个工作日" in page
    assert "国发〔2014〕47号" in page
    assert "街道受理" in page
    assert again["counts"]["unchanged"] == 1
    assert back["counts"]["unchanged"] == back["rows"]


async def test_columns_that_a_table_has_not_leave_what_is_published(service: Service) -> None:
    version_id = await with_elements(service)
    before = (await service.get(f"/service-items/versions/{version_id}")).json()
    left = [name for name in SHORT if name not in {*LATER, "其他属性"}]
    row = dict(zip(SHORT, short(a_row(fees="新收费", materials=MATERIALS)), strict=True))

    run = await published(service, a_workbook([left, [row[name] for name in left]]))

    now = await shown_of(service, run)
    assert now["texts"] == before["texts"] | {"fees": "新收费"}
    assert [now["version"][name] for name in ("lists", "ways")] == [before["version"][name] for name in ("lists", "ways")]
    assert (await rows_of(service, run))[0]["notes"] == []


async def test_what_a_row_takes_from_what_is_published_by_saying_nothing_is_told(service: Service) -> None:
    await with_elements(service)
    body = a_draft()
    plain = "申请书|是|申请人自备|1|否|个体工商户条例 §8\n经营场所证明|是|申请人自备|1|是|个体工商户条例 §8"
    headings, cells = old_style(body, others=None)
    cells[headings.index("申请材料")] = plain

    [old] = await rows_of(service, await imported(service, a_workbook([headings, cells])))

    assert [note["rule"] for note in old["notes"]] == ["bulk.cleared"]
    for name in (*LATER, "容缺", "证明清单编号", "有效期"):
        assert name.replace("容缺", "补交期限") in old["notes"][0]["detail"]


def lets_go(before: dict[str, str], now: dict[str, str]) -> list[tuple[str, str]]:
    """What a row with the second cells takes from what one with the first published."""
    [was], [row] = (judged(a_text([HEADINGS, a_row(**cells)])).good for cells in (before, now))
    bodies = [decode(ItemDraft, one["draft"]).body() for one in (row, was)]
    return [(one.zh, one.en) for one in cleared(*bodies, emptied=row["emptied"], lines=row["lines"])]


@pytest.mark.parametrize(
    ("code", "before", "now", "told"),
    [
        ("promiseType", "小时", "", ("承诺办结时限单位", "promiseType")),
        ("extensionExplain", "行政许可法 §42", "", ("延长时限依据", "extensionExplain")),
        ("limitSceneNum", "0", "", ("到办事现场次数", "limitSceneNum")),
        ("chain", "审核|决定|综合窗口|某法|窗口办理：是|窗口交叉审核：是|时限：1个工作日", "审核|决定|综合窗口|某法|窗口办理：是", ("多层办理环节（时限、窗口交叉审核）", "chain (limit, second_officer)")),
        ("specialProcedure", "听证|某法|30个工作日|期限依据：某法", "听证|某法", ("特别程序（最长期限）", "specialProcedure (limit)")),
        ("specialProcedure", "听证|某法|30个工作日|期限依据：某法", "听证|某法|30个工作日", ("特别程序（期限依据）", "specialProcedure (limit/basis)")),
        ("materials", "甲|否|1|3|是|某法", "甲|||||某法", ("申请材料（是否必要、份数、是否核验原件）", "materials (required, copies, original_seen)")),
        ("materials", "甲|是|1|1|否|某法\n甲|是|1|1|否|某法|有效期：9|英文名称：A", "甲|是|1|1|否|某法\n甲|是|1|1|否|某法", ("申请材料（有效期、英文名称）", "materials (valid_days, name_en)")),
        ("materials", '甲|是|1|1|否|某法|编号：form|{"max_bytes":1048576}', "甲|是|1|1|否|某法", ("申请材料（文件大小、编号）", "materials (max_bytes, code)")),
    ],
)  # fmt: skip
def test_each_part_that_a_row_leaves_out_is_told_by_its_name_and_its_code(code: str, before: str, now: str, told: tuple[str, str]) -> None:
    period = {"extensionDay": "3", "extensionType": "工作日", "extensionExplain": "行政许可法 §42"}

    assert lets_go(period | {code: before}, period | {code: now}) == [told]


@pytest.mark.parametrize(
    ("code", "before", "now"),
    [
        ("promiseDay", "8", "9"),
        ("promiseType", "工作日", ""),
        ("chain", "审核|决定|综合窗口|某法|窗口办理：是|窗口交叉审核：是", "审核|决定|综合窗口|某法|窗口办理：是|窗口交叉审核：否"),
        ("materials", "甲|是|1|3|是|某法|容缺：是|补交期限：2|容缺依据：某文", "甲|否|1|1|否|某法|容缺：否"),
        ("materials", "甲|是|1|1|否|某法|英文名称：甲\n乙|是|1|1|否|某法", "乙|是|1|1|否|某法\n甲|是|1|1|否|某法"),
        ("materials", "甲|是|1|1|否|某法|可信等级：A", '甲|是|1|1|否|某法|{"trust":"B"}'),
    ],
)
def test_what_a_row_says_otherwise_is_not_told_as_left_out(code: str, before: str, now: str) -> None:
    assert lets_go({code: before}, {code: now} | ({"promiseDay": "9"} if code == "promiseType" else {})) == []


def test_nobody_says_that_nothing_is_charged_above_charges() -> None:
    charge = BY_HAND["charges"]

    assert cell("parts/texts/fees", isFee="", charges=charge) == ""
    assert cell("parts/texts/fees", isFee="", charges="") == "不收费"
    assert cell("parts/texts/fees", isFee="每证10.5元", charges=charge) == "每证10.5元"


async def test_a_row_that_is_silent_about_charges_leaves_the_text_beside_them(service: Service) -> None:
    await published(service, a_workbook([HEADINGS, a_row(isFee="每证10.5元", charges=BY_HAND["charges"])]))
    service.context.now.set_offset(NOTICE.total_seconds() + 1)

    run = await published(service, a_workbook([HEADINGS, a_row(isFee="", charges="", limitExplain="每年100件")]))

    texts = (await shown_of(service, run))["texts"]
    assert (texts["fees"], texts["quantity_limit"], len(texts["fee_lines"])) == ("每证10.5元", "每年100件", 1)
    assert (await rows_of(service, run))[0]["notes"] == []


@pytest.mark.parametrize("heading", ["feeName", "收费项目名称", "结果样本"])
def test_a_heading_that_offices_use_for_something_else_is_passed_over(heading: str) -> None:
    row = dict(zip(HEADINGS, a_row(), strict=True)) | {heading: "工本费"}

    run = judged(a_text([[*row], [*row.values()]]))

    assert ([one["flaws"] for one in run.rows], run.last["end"]["unknown"]) == ([[]], [heading])


async def test_none_takes_away_what_is_published_because_it_is_said(service: Service) -> None:
    await with_elements(service)

    run = await published(service, a_workbook([HEADINGS, a_row(materials=MATERIALS, **dict.fromkeys(BY_HAND, "无"))]))

    now = await shown_of(service, run)
    assert {"chain", "stops", "fee_lines", "result_template"}.isdisjoint(now["texts"])
    assert (now["version"].get("lists"), now["version"]["ways"]) == (None, [])
    assert (await rows_of(service, run))[0]["notes"] == []


async def test_a_material_of_certificate_kind_without_its_row_on_the_list_is_given_back(service: Service) -> None:
    run = await checked(service, a_workbook([HEADINGS, a_row(materials=MATERIALS)]))

    [row] = await rows_of(service, run)
    assert [(flaw["row"], flaw["field"], flaw["rule"], flaw["pointer"]) for flaw in row["flaws"]] == [
        (2, "申请材料", "material.certificate-unlisted", "/checklist/materials/1/certificate")
    ]
