"""``tongban restore learn|status``: a database that came back from a backup learns from the log before its service acts again."""

import argparse
import asyncio

from chassis.bus import LogRemade
from chassis.learning import BehindTheLog, NotCaughtUp, StillRunning
from tongban_operations.installed import SERVICES, opened
from tongban_operations.terminal import Commands, Unable, conclude, say, show


def register(commands: Commands) -> None:
    """Add the commands."""
    parser = commands.add_parser("restore", help="数据库自备份恢复之后 / after a database came back from a backup")
    acts = parser.add_subparsers(required=True, metavar="act")
    for name, run, text in (
        ("status", _status, "数据库是否落后于日志 / is the database behind the log"),
        ("learn", _learn, "从日志补学并列出差异 / learn from the log, and list what a person must settle"),
    ):
        act = acts.add_parser(name, help=text)
        act.add_argument("--service", choices=SERVICES, required=True, help="服务 / whose database")
        act.add_argument("--json", action="store_true", help="输出 JSON / print JSON")
        act.set_defaults(run=lambda chosen, run=run: asyncio.run(run(chosen)))


async def _status(chosen: argparse.Namespace) -> int:
    async with opened(chosen.service) as installed:
        try:
            await installed.learning.refuse_if_behind()
        except BehindTheLog as behind:
            answer = {"service": chosen.service, "behind": True, **behind.facts}
            conclude(answer, as_json=chosen.json, sentence=f"{chosen.service}: {behind.ZH} / {behind.EN} {behind.facts}")
            return 1
    conclude({"service": chosen.service, "behind": False}, as_json=chosen.json, sentence=f"{chosen.service}: 未落后 / not behind the log")
    return 0


async def _learn(chosen: argparse.Namespace) -> int:
    async with opened(chosen.service) as installed:
        try:
            learned = await installed.learning.learn(progress=say)
        except (StillRunning, NotCaughtUp) as no:
            raise Unable(f"{chosen.service}: {no.ZH} / {no.EN} {no.facts}") from no
        except LogRemade as topic:
            raise Unable(f"{chosen.service}: 主题已重建,请重新运行 / a topic was made anew meanwhile, run this again: {topic}") from topic
    say(
        f"{chosen.service}: 补学 {learned.own} 条,收听 {learned.heard} 条 / learned {learned.own} events of its own, went through {learned.heard}"
    )
    rows = [{"key": each.key, "rule": each.rule, "zh": each.zh, "en": each.en, "facts": each.facts} for each in learned.differences]
    show(rows, as_json=chosen.json, nothing="没有需人工处理的差异 / nothing is left for a person")
    return 1 if rows else 0
