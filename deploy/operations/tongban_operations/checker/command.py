"""``tongban check``: prove that nothing was lost, doubled or put out of order; for a system at rest, after a restore or a drill.

Addresses come from the services' own environment (``TONGBAN_INTAKE_DATABASE_URL`` and so on), so that no password stands in a command line; the
catalogue's database is looked at where its address is there.
"""

import argparse
import asyncio
import os
import time
from datetime import datetime
from pathlib import Path

import asyncpg

from tongban_operations.addresses import database, kafka, setting
from tongban_operations.checker.check import check
from tongban_operations.checker.events import CATALOG, SERVICES
from tongban_operations.checker.report import Report
from tongban_operations.checker.rules import RULES
from tongban_operations.terminal import Commands, Unable, say, show

_SIGN_OF_LIFE = 2.0
"""Seconds between two lines for the person who waits."""

MOST_SHOWN = 200
"""Differences printed; the table of rules counts all."""


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("check", help="核对:不丢、不重、不乱序 / prove that nothing was lost, doubled or put out of order")
    parser.add_argument("--journal", type=Path, help="对外答复的记录 / what callers were promised, JSON lines")
    parser.add_argument("--parked", action="append", default=[], metavar="ID", help="预期搁置的事件或键 / event or key parked on purpose")
    parser.add_argument(
        "--log-from",
        type=_instant,
        metavar="INSTANT",
        help="日志重建的时刻,早于它的只核对库 / when a lost log began anew, e.g. 2026-11-22T09:30:00+08:00: what is older is proved by rows alone",
    )
    parser.add_argument("--json", action="store_true", help="输出 JSON / print JSON")
    parser.set_defaults(run=lambda chosen: asyncio.run(_check(chosen)))


async def _check(chosen: argparse.Namespace) -> int:
    began = time.monotonic()
    waiting = asyncio.create_task(_show_life())
    try:
        looked_at = (*SERVICES, CATALOG) if "TONGBAN_CATALOG_DATABASE_URL" in os.environ else SERVICES
        on_kafka = setting("routing", "bus", otherwise="postgres") == "kafka"
        report = await check(
            databases={service: database(service) for service in looked_at},
            bootstrap=setting("routing", "kafka_bootstrap") if on_kafka else None,
            log=None if on_kafka else setting("routing", "log_url"),
            journal=chosen.journal,
            parked=chosen.parked,
            kafka=kafka() if on_kafka else {},
            log_from=chosen.log_from,
        )
    except (OSError, asyncpg.PostgresError) as error:
        raise Unable(f"数据库、日志或记录不可读 / database, log or journal cannot be read: {type(error).__name__}") from error
    finally:
        waiting.cancel()
    counted = ", ".join(f"{name} {number}" for name, number in sorted(report.counts.items()))
    if CATALOG not in looked_at:
        say("未核对目录库 / the catalogue's database was not looked at: TONGBAN_CATALOG_DATABASE_URL is not set")
    say(f"{counted}; {time.monotonic() - began:.1f} s")
    _show(report, as_json=chosen.json)
    return 1 if report.by_rule else 0


def _instant(text: str) -> datetime:
    """An instant with its zone, else `ValueError` is raised."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(text)
    return instant


async def _show_life() -> None:
    while True:
        await asyncio.sleep(_SIGN_OF_LIFE)
        say("核对中 / checking …")


def _show(report: Report, *, as_json: bool) -> None:
    rules = [
        {"rule": rule, "number": number, "zh": RULES[rule][0], "en": RULES[rule][1]} for rule, number in sorted(report.by_rule.items())
    ]
    found = [
        {"rule": each.rule, "about": each.about, "expected": each.expected, "found": each.found} for each in report.differences[:MOST_SHOWN]
    ]
    if as_json:
        show([{"counts": report.counts, "rules": rules, "differences": found}], as_json=True, nothing="")
        return
    show(rules, as_json=False, nothing="没有差异 / no differences")
    if found:
        show(found, as_json=False, nothing="")
