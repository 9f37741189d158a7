"""``tongban trace CASE_NO``: what happened to one case, in which service, under which trace, and what of it still waits.

Reads databases, topic and logs as they lie, so it works while services are down. A case number is no personal data, and neither events nor
logs hold any.
"""

import argparse
import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from chassis.bus import partition_of
from contracts.events import CASE_EVENTS, CREDENTIAL_EVENTS
from tongban_operations.addresses import database, kafka, setting
from tongban_operations.checker.database import Snapshot, look_into
from tongban_operations.checker.log import Log, open_log
from tongban_operations.terminal import Commands, Unable, say, show

HEARING = ("intake", "routing", "credential")
"""Services that hear about cases."""

_CASE = "select case_id, root_case_id, case_no, stage from cases where case_no = $1 or case_id = $2"
_HEARD = "select event_id, at from inbox where event_id = any($1)"
_PARKED = "select event_id, type, reason, error, at from parked where key = any($1) and state = 'parked' order by parked_id"
_UNSENT = "select id, type, at from outbox where key = any($1) order by position"
_CLOCKS = "select kind, due from clocks where case_id = $1 and state in ('running', 'stopped', 'overrun') order by due"
_SEALS = "select notice_id, body ->> 'waiting_for' as waiting_for, next_try from sealings where case_id = $1 and state = 'awaiting'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened, or that is still to happen."""

    at: datetime
    service: str
    what: str
    where: str = ""
    """Topic, partition and offset; route; or why it waits."""
    heard: str = ""
    """Who handled the event, how many milliseconds after its instant."""
    trace: str = ""


@dataclass(slots=True, kw_only=True)
class _Told:
    """An event as it lies on the topic."""

    event_id: str
    step: Step
    heard: dict[str, datetime] = field(default_factory=dict)
    credential_id: str = ""


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("trace", help="按办件编号追踪全过程 / everything that happened to one case, by its number")
    parser.add_argument("case", help="办件编号或标识 / number or id of the case")
    parser.add_argument("--logs", type=Path, action="append", default=[], metavar="FOLDER", help="日志目录 / folder with log files (*.log)")
    parser.add_argument("--json", action="store_true", help="输出 JSON / print JSON")
    parser.set_defaults(run=lambda chosen: asyncio.run(_trace(chosen)))


async def _trace(chosen: argparse.Namespace) -> int:
    try:
        async with AsyncExitStack() as stack:
            databases = {service: await stack.enter_async_context(look_into(database(service))) for service in HEARING}
            log = await stack.enter_async_context(_open_log())
            case = await _find(databases["intake"], chosen.case)
            told = await _told(log, topic=CASE_EVENTS, key=case["root_case_id"])
            credentials = sorted({each.credential_id for each in told if each.credential_id})
            for credential_id in credentials:
                told += await _told(log, topic=CREDENTIAL_EVENTS, key=credential_id)
            await _add_hearing(databases, told)
            keys = [case["root_case_id"], *credentials]
            waiting = await _waiting(databases, case_id=case["case_id"], keys=keys)
    except (OSError, asyncpg.PostgresError) as error:
        raise Unable(f"数据库或日志不可读 / database or log cannot be read: {type(error).__name__}") from error
    steps = [_with_hearing(each) for each in told]
    steps += _logged(chosen.logs, traces={step.trace for step in steps if step.trace}, keys=frozenset(keys))
    steps.sort(key=lambda step: step.at)
    say(f"{case['case_no']} = {case['case_id']}: {case['stage']}; {len(steps)} 步 / steps, {len(waiting)} 项等待 / waiting")
    show([_row(step) for step in (*steps, *waiting)], as_json=chosen.json, nothing="没有记录 / nothing")
    return 1 if any(step.what.startswith("parked") for step in waiting) else 0


def _open_log() -> Any:
    on_kafka = setting("routing", "bus", otherwise="postgres") == "kafka"
    return open_log(
        bootstrap=setting("routing", "kafka_bootstrap") if on_kafka else None,
        log=None if on_kafka else setting("routing", "log_url"),
        kafka=kafka() if on_kafka else {},
    )


async def _find(intake: Snapshot, named: str) -> Mapping[str, str]:
    rows = await intake.rows(_CASE, named.upper(), named.lower())
    if not rows:
        raise Unable("未找到该办件 / there is no such case")
    return dict(rows[0])


async def _told(log: Log, *, topic: str, key: str) -> list[_Told]:
    """Events under a key, from its one partition; that is read whole, for a topic has no index."""
    partitions = await log.partitions(topic)
    return [
        _told_by(record.headers, record.value, where=f"{topic}/{record.partition}@{record.offset}")
        for partition in partitions
        if partition.number == partition_of(key, len(partitions))
        async for record in log.read(partition)
        if record.key == key
    ]


def _told_by(headers: Mapping[str, bytes], value: bytes | None, *, where: str) -> _Told:
    text = {name.removeprefix("ce_"): given.decode(errors="replace") for name, given in headers.items()}
    data: Mapping[str, Any] = json.loads(value) if value else {}
    step = Step(
        at=_instant(text.get("time", "")),
        service=text.get("source", "").strip("/").split("/")[0],
        what=_short(text.get("type", "")),
        where=where,
        trace=_trace_of(text.get("traceparent", "")),
    )
    return _Told(event_id=text.get("id", ""), step=step, credential_id=str(data.get("credential_id") or ""))


async def _add_hearing(databases: Mapping[str, Snapshot], told: Sequence[_Told]) -> None:
    by_id = {each.event_id: each for each in told}
    for service, snapshot in databases.items():
        for row in await snapshot.rows(_HEARD, list(by_id)):
            by_id[row["event_id"]].heard[service] = row["at"]


async def _waiting(databases: Mapping[str, Snapshot], *, case_id: str, keys: Sequence[str]) -> list[Step]:
    """What still waits of the case: parked and unsent events, clocks, seals."""
    waiting = []
    for service, snapshot in databases.items():
        for row in await snapshot.rows(_PARKED, keys):
            why = f"{row['reason']} {row['error']}".strip()
            waiting.append(Step(at=row["at"], service=service, what=f"parked {_short(row['type'])}", where=why))
        waiting += [Step(at=row["at"], service=service, what=f"unsent {_short(row['type'])}") for row in await snapshot.rows(_UNSENT, keys)]
    waiting += [
        Step(at=row["due"], service="routing", what=f"clock {row['kind']}") for row in await databases["routing"].rows(_CLOCKS, case_id)
    ]
    waiting += [
        Step(at=row["next_try"], service="credential", what="seal", where=str(row["waiting_for"]))
        for row in await databases["credential"].rows(_SEALS, case_id)
    ]
    return waiting


def _logged(folders: Sequence[Path], *, traces: set[str], keys: frozenset[str]) -> Iterator[Step]:
    """Lines of one of the traces, or about one of the keys."""
    for folder in folders:
        for file in sorted(folder.glob("*.log*")):
            with file.open(encoding="utf-8", errors="replace") as lines:
                for text in lines:
                    # A log is long and JSON is slow: most lines hold none of them.
                    if any(name in text for name in (*traces, *keys)):
                        yield from _line(text, traces=traces, keys=keys)


def _line(text: str, *, traces: set[str], keys: frozenset[str]) -> Iterator[Step]:
    try:
        line = json.loads(text)
    except ValueError:
        return
    if line.get("trace") in traces or line.get("key") in keys:
        known = (line.get(name) for name in ("method", "route", "status", "reason", "error", "place"))
        yield Step(
            at=_instant(line["at"]),
            service=line.get("service", ""),
            what=f"log {line.get('event', '')}",
            where=" ".join(str(each) for each in known if each is not None),
            heard=f"{line['ms']} ms" if "ms" in line else "",
            trace=line.get("trace", ""),
        )


def _with_hearing(told: _Told) -> Step:
    heard = [
        f"{service} +{(at - told.step.at).total_seconds() * 1000:.0f}"
        for service, at in sorted(told.heard.items(), key=lambda each: each[1])
    ]
    return Step(
        at=told.step.at,
        service=told.step.service,
        what=told.step.what,
        where=told.step.where,
        heard=", ".join(heard),
        trace=told.step.trace,
    )


def _row(step: Step) -> Mapping[str, object]:
    return {
        "at": step.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "service": step.service,
        "what": step.what,
        "where": step.where,
        "heard_ms": step.heard,
        "trace": step.trace,
    }


def _short(kind: str) -> str:
    return kind.removeprefix("tongban.").removesuffix(".v1")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)


def _trace_of(traceparent: str) -> str:
    return traceparent.split("-")[1] if traceparent.count("-") == 3 else ""  # noqa: PLR2004 - the four parts of a traceparent
