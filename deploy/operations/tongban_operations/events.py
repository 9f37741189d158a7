"""``tongban events resend|rewind|refollow``: the log and the databases brought together again.

``resend`` is for a log that lost what the databases still know; ``rewind`` lets a service hear again what it heard, which its inbox makes
harmless; ``refollow`` lets go what a service has followed, so that it reads the compacted topics from their beginning. All keep ids and order.
"""

import argparse
import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code
from sqlalchemy.ext.asyncio import create_async_engine

from chassis import sent
from chassis.followed import LogLost, StillFollowed, let_go
from chassis.kafka_address import KafkaAddress
from contracts.documents import ACCESS_RULES, PARTS, RULES, VERSIONS
from tongban_operations.installed import SERVICES, opened
from tongban_operations.terminal import Commands, Unable, conclude, say

OWNED = {"catalog": (PARTS, RULES, VERSIONS), "routing": (ACCESS_RULES,)}
"""Compacted topics by the service that publishes them."""


def register(commands: Commands) -> None:
    """Add the commands."""
    parser = commands.add_parser("events", help="事件日志:重发、回退、重新跟读 / the event log: resend, rewind, refollow")
    acts = parser.add_subparsers(required=True, metavar="act")
    resend = acts.add_parser("resend", help="日志丢失主题后,由数据库补发 / fill a log that lost its topics from the database")
    resend.add_argument(
        "--since", type=_instant, required=True, help="自何时起发送的 / what was sent since, e.g. 2026-11-22T00:00:00Z or 24h"
    )
    resend.set_defaults(run=lambda chosen: asyncio.run(_resend(chosen)))
    rewind = acts.add_parser("rewind", help="让服务重新收听(先停止服务) / let a service hear again; stop it first")
    rewind.add_argument("--to", type=_instant, required=True, help="回到何时 / back to, e.g. 2026-11-22T00:00:00Z or 24h")
    rewind.set_defaults(run=lambda chosen: asyncio.run(_rewind(chosen)))
    refollow = acts.add_parser(
        "refollow",
        help="清除跟读所得,由主题从头重建(先停止服务)/ let go what was followed, to be read from the topics again; stop the service first",
    )
    refollow.set_defaults(run=lambda chosen: asyncio.run(_refollow(chosen)))
    for act in (resend, rewind, refollow):
        act.add_argument("--service", choices=SERVICES, required=True, help="以谁的设置 / whose settings")
        act.add_argument("--json", action="store_true", help="输出 JSON / print JSON")


async def _resend(chosen: argparse.Namespace) -> int:
    async with opened(chosen.service, log=False) as installed:
        context = installed.context
        # The service's own pools end what takes longer than a transaction may live.
        engine = create_async_engine(context.settings.database_url, hide_parameters=True)
        try:
            async with engine.begin() as connection:
                events = await sent.send_again(connection, since=chosen.since)
        finally:
            await engine.dispose()
        pages = 0
        for topic in OWNED.get(chosen.service, ()):
            after: str | None = ""
            while after is not None:
                async with context.database.consume(context) as tx:
                    after = await sent.publish_again(tx, topic=topic, after=after)
                pages += 1
                say(f"{topic}: …")
    sentence = f"{chosen.service}: {events} 条待补发 / {events} rows wait to be sent again"
    conclude({"service": chosen.service, "rows": events, "pages_of_documents": pages}, as_json=chosen.json, sentence=sentence)
    return 0


async def _rewind(chosen: argparse.Namespace) -> int:
    # The log is asked without the service, which would join its group's readers.
    async with opened(chosen.service, log=False) as installed:
        context = installed.context
        if context.settings.bus != "kafka":
            raise Unable("仅支持 Kafka / only on Kafka: the PostgreSQL log keeps no instants")
        heard = {kind.TOPIC for kind in context.subscriptions}
        back = await rewind(context.settings.kafka, group=context.name, topics=sorted(heard), to=chosen.to)
    sentence = f"{chosen.service}: 将重新收听 {back} 条 / will hear {back} records again"
    conclude({"service": chosen.service, "records": back}, as_json=chosen.json, sentence=sentence)
    return 0


async def _refollow(chosen: argparse.Namespace) -> int:
    async with opened(chosen.service) as installed:
        context = installed.context
        if context.follower is None:
            raise Unable(f"{chosen.service}: 该服务不跟读任何主题 / the service follows nothing")
        try:
            gone = await let_go(context.database, context.bus, context.follower.topics)
        except (StillFollowed, LogLost) as refused:
            raise Unable(f"{chosen.service}: {refused.ZH} / {refused.EN} {refused.facts or ''}".rstrip()) from refused
        topics = list(context.follower.topics)
    sentence = (
        f"{chosen.service}: 已清除 {gone} 份,下次启动时从头读取 / let go {gone} documents; the next start reads them from the beginning"
    )
    conclude({"service": chosen.service, "documents": gone, "topics": topics}, as_json=chosen.json, sentence=sentence)
    return 0


async def rewind(address: KafkaAddress, *, group: str, topics: Sequence[str], to: datetime) -> int:
    """Let a group go on from an instant, or from where it stands in a partition where that is earlier; how many records it hears again.

    Never forward: what a group has not heard stays before it.

    Raises:
        Unable: It has members, or Kafka cannot be reached or refuses; nothing was changed.
    """
    admin = AIOKafkaAdminClient(**address.options())
    consumer = AIOKafkaConsumer(group_id=group, enable_auto_commit=False, **address.options())
    try:
        try:
            await admin.start()
            await _require_empty(admin, group)
            await consumer.start()
            partitions = [TopicPartition(topic, number) for topic in topics for number in await _numbers(admin, topic)]
            # Assigned by hand: whoever only looks does not join.
            consumer.assign(partitions)
            found = await consumer.offsets_for_times(dict.fromkeys(partitions, int(to.timestamp() * 1000)))
            listed = await admin.list_consumer_group_offsets(group)
            stands = {each: listed[each] for each in partitions if each in listed and listed[each].offset >= 0}
            goes = {each: min(stand.offset, found[each].offset) for each, stand in stands.items() if found[each] is not None}
            if goes:
                # In which log the offsets count stays beside them: those who hear go to the beginning where there is another by then.
                await consumer.commit({each: (offset, stands[each].metadata) for each, offset in goes.items()})
        finally:
            await consumer.stop()
            await admin.close()
    except KafkaError as error:
        raise Unable(
            f"{group}: Kafka 不可达或拒绝,未作改动({type(error).__name__})/ Kafka cannot be reached or refuses, nothing was changed"
        ) from error
    return sum(stands[each].offset - offset for each, offset in goes.items())


async def _require_empty(admin: AIOKafkaAdminClient, group: str) -> None:
    [described] = await admin.describe_consumer_groups([group])
    [(code, _, state, _, _, members, *_)] = described.groups
    if code:
        raise for_code(code)(group)
    if members or state not in {"Empty", "Dead"}:
        raise Unable(
            f"{group}: 尚有 {len(members)} 个进程在收听({state}),请先停止服务;被强行终止的进程约一分钟后离组 / "
            f"{len(members)} processes still listen ({state}): stop the service first; one that was killed leaves the group within a minute"
        )


async def _numbers(admin: AIOKafkaAdminClient, topic: str) -> list[int]:
    [described] = await admin.describe_topics([topic])
    if described["error_code"]:
        raise for_code(described["error_code"])(topic)
    return sorted(each["partition"] for each in described["partitions"])


def _instant(text: str) -> datetime:
    """``2026-11-22T00:00:00Z``, or how long ago: ``90m``, ``24h``, ``7d``."""
    units = {"m": "minutes", "h": "hours", "d": "days"}
    if text[:-1].isdigit() and text[-1] in units:
        return datetime.now(UTC) - timedelta(**{units[text[-1]]: int(text[:-1])})
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("时区缺失 / say the zone, e.g. 2026-11-22T08:00:00+08:00")
    return found
