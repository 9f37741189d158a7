"""A district's 5,458 items from one workbook: dry run, import, import again, review, publication, export; time and memory printed.

``python -m bench.district`` starts a catalogue and a PostgreSQL of its own, kills the catalogue in the middle of the import, and starts it again.
The workbook is the same for the same number of items. Twenty of its rows are wrong, each in another way, and must be told by row and rule.

Source: 「已在平臺上梳理發布5458項政務服務事項」 (N-25).
"""

from __future__ import annotations

import argparse
import asyncio
import io
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from stdnum.cn import uscc

from catalog_svc.seed.reading import Seed
from catalog_svc.sheet.outside import read_sheets, write_workbook
from chassis.identity import SigningKey
from contracts.caller import Caller, CallerKind, Role
from contracts.values import NATION, RegionCode
from tongban_local.layout import lay_out
from tongban_local.postgres import PostgresServer
from tongban_local.system import ServiceProcess

DISTRICT = RegionCode("440703")
"""蓬江区."""
ITEMS = 5_458
ABOVE = 3
"""Rows above the first item: a title, a note, the header."""

_MODES = {"joint": "多地联办", "fully_online": "全程网办", "collect_here": "异地代收代办"}
_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
_HEADINGS = [
    "序号",
    "实施主体名称",
    "实施主体编码",
    "基本编码",
    "事项名称",
    "办理形式",
    "服务对象",
    "办件类型",
    "法定办结时限",
    "法定办结时限单位",
    "法定办结时限依据",
    "承诺办结时限",
    "受理条件",
    "设定依据",
    "办理流程",
    "审批结果名称",
    "收费情况",
    "不予许可情形",
    "申请材料",
    "原平台编码",
]

Planted = tuple[str, str, str]
"""Heading, what is written there, rule that must be told."""

PLANTED: Sequence[Planted] = (
    ("承诺办结时限", "尽快", "bulk.number"),
    ("承诺办结时限", "99", "item.promise-too-long"),
    ("承诺办结时限", "=6+4", "bulk.formula"),
    ("承诺办结时限", "", "bulk.missing"),
    ("法定办结时限", "-20", "bulk.number"),
    ("法定办结时限单位", "旬", "bulk.choice"),
    ("事项名称", "另一事项", "item.name-locked"),
    ("事项名称", "", "bulk.missing"),
    ("基本编码", "999999999999", "item.code-unknown"),
    ("基本编码", "12#", "bulk.code"),
    ("实施主体编码", "91440703MA4L16JQ9B", "organ.unknown"),
    ("实施主体编码", "12-3", "bulk.code"),
    ("办理形式", "电话办理", "bulk.choice"),
    ("服务对象", "自然人、自然人", "bulk.repeated-choice"),
    ("办件类型", "加急件", "bulk.choice"),
    ("设定依据", "", "bulk.missing"),
    ("不予许可情形", "只有理由", "bulk.record"),
    ("申请材料", "申请书|可能", "bulk.choice"),
    ("申请材料", "|是", "bulk.record"),
    ("审批结果名称", "字" * 101, "bulk.too-long"),
)
"""The mistakes, one a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The district's workbook and what is known of it."""

    content: bytes
    organs: Sequence[dict[str, Any]]
    """To be published before it can be imported."""
    wrong: dict[int, str]
    """Rows that are wrong, and the rule that says so."""
    items: int


def organ_code(number: int) -> str:
    """The credit code of the district's organ with this number."""
    body = f"11{DISTRICT}TB{number:06d}X"
    return body + uscc.calc_check_digit(body)


def make_table(items: int = ITEMS) -> Table:
    """The workbook: the same rows for the same number of items, which all differ."""
    bases = [one for one in Seed().base_items() if one.part_of is None]
    count = -(-items // len(bases))
    organs = [
        {
            "code": organ_code(number),
            "name": f"蓬江区第{number}局",
            "region": DISTRICT,
            "hosted": True,
            "reconsideration_organ": "蓬江区人民政府",
            "court": "江门市蓬江区人民法院",
        }
        for number in range(1, count + 1)
    ]
    rows = [["蓬江区政务服务事项清单"], ["填报单位：区政务服务数据管理局"], [*_HEADINGS]]
    rows += [_row(number, organs[number // len(bases)], bases[number % len(bases)]) for number in range(items)]
    step = items // (len(PLANTED) + 1)
    wrong: dict[int, str] = {}
    for index, (heading, text, rule) in enumerate(PLANTED, start=1):
        rows[ABOVE + index * step][_HEADINGS.index(heading)] = text
        wrong[ABOVE + index * step + 1] = rule
    made = io.BytesIO()
    write_workbook(rows, to=made, sheet="事项清单", header=ABOVE)
    return Table(content=made.getvalue(), organs=organs, wrong=wrong, items=items)


def _row(number: int, organ: dict[str, Any], base: Any) -> list[str]:
    modes = "、".join(["窗口办理", *(_MODES[mode] for mode in base.locked_modes)])
    law = f"《{base.ministry}关于{base.name}的规定》第{number % 80 + 1}条"
    materials = "\n".join(
        f"{name}|是|申请人自备|{1 + number % 3}|{'是' if index else '否'}|{law[:150]}"
        for index, name in enumerate(["申请表", "身份证明", f"情况说明之{number % 97}"])
    )
    return [
        str(number + 1),
        str(organ["name"]),
        f" {organ['code']}\n",
        base.code,
        f"{base.name[:2]} {base.name[2:]}",
        modes,
        "自然人、法人" if number % 2 else "个人",
        "承诺件",
        str(20 + number % 11).translate(_WIDE),
        "工作日",
        law,
        str(1 + number % 20),
        f"（一）具有本区户籍\n（二）符合{base.name}条件之{number}",
        law,
        "申请\n受理\n审查\n决定",
        f"{base.name[:80]}决定书",
        "不收费",
        f"D1|不符合条件之{number}|{law[:180]}",
        materials,
        f"PJ-{number:06d}",
    ]


@dataclass(slots=True, kw_only=True)
class Desk:
    """Where officers sit: their calls, and how they wait until a run is done."""

    client: httpx.AsyncClient
    key: SigningKey
    wait: Callable[[str], Awaitable[None]]
    """Returns when the run of this address has nothing to do."""
    calls: int = 0
    told: list[str] = field(default_factory=list)

    async def call(self, method: str, path: str, *, by: Caller, **options: Any) -> httpx.Response:
        """One call that must succeed."""
        self.calls += 1
        headers = {
            "authorization": f"Bearer {self.key.mint(by, audience='catalog')}",
            "idempotency-key": f"district-{self.calls}",
            **options.pop("headers", {}),
        }
        answer = await self.client.request(method, f"/v1{path}", headers=headers, **options)
        if answer.status_code >= 300:  # noqa: PLR2004 - HTTP's own bound
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer

    async def step(self, path: str, name: str, *, by: Caller) -> None:
        """Ask for a run's next step, with the tag of what was read."""
        tag = (await self.call("GET", path, by=by)).headers["etag"]
        await self.call("POST", f"{path}/{name}", by=by, headers={"if-match": tag})

    async def counts(self, path: str) -> dict[str, int]:
        """A run's rows in each state, without those there are none of."""
        shown: dict[str, int] = (await self.call("GET", path, by=AUTHOR)).json()["counts"]
        return {state: count for state, count in shown.items() if count}

    def say(self, line: str) -> None:
        """Print a line of the show."""
        self.told.append(line)
        print(line, flush=True)


def _officer(role: Role, region: RegionCode) -> Caller:
    return Caller(kind=CallerKind.STAFF, issuer="show", account=f"{role}-{region}", roles=frozenset({role}), region=region)


AUTHOR = _officer(Role.CATALOGUE_AUTHOR, DISTRICT)
REVIEWER = _officer(Role.CATALOGUE_REVIEWER, DISTRICT)
NATION_AUTHOR = _officer(Role.CATALOGUE_AUTHOR, NATION)
NATION_REVIEWER = _officer(Role.CATALOGUE_REVIEWER, NATION)


async def show(desk: Desk, table: Table, *, interrupt: Callable[[str], Awaitable[None]] | None = None) -> None:
    """Take the district's table through everything; ends the program where something does not hold.

    Args:
        desk: Where to ask.
        table: What is brought in.
        interrupt: Kills the service in the middle of the import of this address and starts it again.
    """
    for organ in table.organs:
        await desk.call("POST", "/organs", by=NATION_AUTHOR, json=organ)
        drafted = await desk.call("GET", f"/organs/{organ['code']}/draft", by=NATION_REVIEWER)
        tag = {"If-Match": drafted.headers["ETag"]}
        await desk.call("POST", f"/organs/{organ['code']}/review", by=NATION_REVIEWER, headers=tag)
    good = table.items - len(table.wrong)
    desk.say(
        f"{table.items} items, {len(table.organs)} organs, one workbook of {len(table.content):,} bytes, {len(table.wrong)} rows wrong"
    )

    path = await _timed(desk, "dry run", _upload(desk, table.content))
    told: list[Any] = (await desk.call("GET", f"{path}/rows?state=bad&limit=100", by=AUTHOR)).json()["items"]
    for row in told:
        flaw = row["flaws"][0]
        desk.say(f"  row {row['row']:>5} {flaw['column']:>2} {flaw['field']} {flaw['rule']}: {flaw['detail']}")
    _require(await desk.counts(path) == {"good": good, "bad": len(table.wrong)}, "the dry run counts what is good and what is bad")
    _require({row["row"]: row["flaws"][0]["rule"] for row in told} == table.wrong, "every planted error is told by row and rule")

    async def execute() -> str:
        await desk.step(path, "execution", by=AUTHOR)
        if interrupt is not None:
            await interrupt(path)
        await desk.wait(path)
        return path

    await _timed(desk, "import", execute())
    _require(await desk.counts(path) == {"drafted": good, "bad": len(table.wrong)}, "every good row is a draft")
    returned = (await desk.call("GET", f"{path}/returned", by=AUTHOR)).content
    _require(sum(1 for sheet in read_sheets(returned) for _ in sheet.rows) == len(table.wrong) + 1, "bad rows come back as a file")

    again = await _timed(desk, "the same file again, dry run", _upload(desk, table.content))
    _require(await desk.counts(again) == {"unchanged": good, "bad": len(table.wrong)}, "the same file again changes nothing")

    for name in ("review", "publication"):

        async def act(name: str = name) -> str:
            await desk.step(path, name, by=REVIEWER)
            await desk.wait(path)
            return path

        await _timed(desk, name, act())
    _require(await desk.counts(path) == {"published": good, "bad": len(table.wrong)}, "every draft is in force")

    await _until_in_force(desk, path, table)
    export = await _timed(desk, "export", _export(desk))
    file = (await desk.call("GET", f"{export}/file", by=AUTHOR)).content
    back = await _timed(desk, f"import of the export ({len(file):,} bytes), dry run", _upload(desk, file))
    _require(await desk.counts(back) == {"unchanged": good}, "an export changes nothing when it is imported")
    former = (await desk.call("GET", "/service-items/former-codes?code=PJ-000000", by=AUTHOR)).json()["items"]
    _require(len(former) == 1, "an item is found by its code on the former platform")
    peak = (await desk.call("GET", back, by=AUTHOR)).json()["worker_peak_bytes"]
    desk.say(f"worker: at most {peak / 2**20:.0f} MiB")


async def _timed(desk: Desk, name: str, doing: Awaitable[str]) -> str:
    began = time.monotonic()
    path = await doing
    desk.say(f"{name}: {time.monotonic() - began:.1f} s")
    return path


async def _upload(desk: Desk, content: bytes) -> str:
    answer = await desk.call("POST", f"/service-items/imports?region={DISTRICT}", by=AUTHOR, content=content)
    path = f"/service-items/imports/{answer.json()['run_id']}"
    await desk.wait(path)
    return path


async def _until_in_force(desk: Desk, path: str, table: Table) -> None:
    """Wait for what was published last: it begins when every service can have heard of it."""
    after = ABOVE + table.items - len(table.wrong) - 1
    rows: list[Any] = (await desk.call("GET", f"{path}/rows?state=published&after={after}&limit=100", by=AUTHOR)).json()["items"]
    last = (await desk.call("GET", f"/service-items/versions/{rows[-1]['version_id']}", by=AUTHOR)).json()["version"]
    start = datetime.fromisoformat(last["effective_from"])
    await asyncio.sleep(max(0.0, (start - datetime.now(UTC)).total_seconds()))


async def _export(desk: Desk) -> str:
    answer = await desk.call("POST", "/service-items/exports", by=AUTHOR, json={"region": DISTRICT})
    path = f"/service-items/exports/{answer.json()['run_id']}"
    await desk.wait(path)
    return path


def _require(holds: bool, fact: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise SystemExit(f"does not hold: {fact}")


def main() -> None:
    """Run the show against a catalogue of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=ITEMS)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tongban-district-") as folder:
        data = Path(folder)
        postgres = PostgresServer.start(data=data / "postgres", durable=True)
        try:
            layout = lay_out(data=data, postgres=postgres, prefix="district")
            service = ServiceProcess("catalog", layout=layout, log=data / "catalog.log")
            service.start()
            try:
                service.wait_ready()
                url, key = layout.service_url("catalog"), SigningKey.load(data / "keys/gateway.json")
                asyncio.run(_run(url, key, service, items=chosen.items))
            finally:
                service.stop()
        finally:
            postgres.remove()


async def _run(url: str, key: SigningKey, service: ServiceProcess, *, items: int) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        desk = Desk(client=client, key=key, wait=_nowhere)
        desk.wait = partial(_settled, desk)
        peaks: list[int] = []

        async def interrupt(path: str) -> None:
            while (await desk.counts(path)).get("drafted", 0) < items // 3:  # noqa: ASYNC110 - asked over HTTP
                await asyncio.sleep(0.2)
            peaks.append(_peak(service.pid))
            service.kill()
            await asyncio.to_thread(service.start)
            await asyncio.to_thread(service.wait_ready)
            desk.say(f"  killed with {await desk.counts(path)}, started again")

        await show(desk, make_table(items), interrupt=interrupt)
        peaks.append(_peak(service.pid))
        desk.say(f"service: at most {max(peaks) / 2**20:.0f} MiB")
        desk.say(f"district: {items} items in from one workbook, out again as one, {len(PLANTED)} errors told by row and rule")


async def _nowhere(_: str) -> None:
    pass


async def _settled(desk: Desk, path: str) -> None:
    working = {"received", "importing", "reviewing", "publishing", "requested"}
    while (await desk.call("GET", path, by=AUTHOR)).json()["state"] in working:  # noqa: ASYNC110 - asked over HTTP
        await asyncio.sleep(0.2)


def _peak(pid: int | None) -> int:
    """Most memory that a process ever held, bytes."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
