"""What is followed, in the tables: the documents, how far each partition was read, and beside large documents a few words for the memory.

A brief is what a service needs to have a document in its memory again (`Briefly`). Whoever writes the documents writes it with them; a
version of the software that knows of none leaves the column as it was, and is found out by the offsets, which it moves alone.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from sqlalchemy import ARRAY, Text, bindparam, cast, column, delete, func, null, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.bus import Bus, Place, Received
from chassis.database import Database
from chassis.inbox import store_positions
from chassis.prepared import Prepared
from chassis.tables import FOLLOW_OFFSETS, FOLLOWED
from contracts.envelope import Envelope
from contracts.refusals import Conflict
from contracts.values import JsonObject

AT_ONCE = 2_000
"""Rows read from the tables, or changed in them, in one go."""

Kept: TypeAlias = tuple[str, str | None, str | None]
"""Key, brief, document as JSON; only one of the two was asked for, and a brief may not be there."""


class StillFollowed(Conflict):
    """A process of the service is running; its tables are its own."""

    RULE = "follow.running"
    ZH = "该服务仍在运行,请先停止"
    EN = "The service is still running; stop it first"


class LogLost(Conflict):
    """The log has less of a topic than the service has read of it; ``facts``: ``topic``."""

    RULE = "follow.log-lost"
    ZH = "事件日志的主题已丢失内容或已重建,此处所存可能是唯一留存,不予清除;请先补发"
    EN = "The topic was lost or made anew, and what is kept here may be all there is; send it again first"


class Briefly(Protocol):
    """What a service keeps of documents in its memory, told in a few words."""

    def brief(self, topic: str, key: str) -> str | None:
        """From what `recall` puts the document back that is in memory under this key; None where only the whole document does."""

    def recall(self, topic: str, key: str, brief: str) -> bool:
        """Take a document by its brief, which another process or version may have written; False when the whole is needed."""


class _Wholly:
    def brief(self, _topic: str, _key: str) -> str | None:
        """None."""
        return None

    def recall(self, _topic: str, _key: str, _brief: str) -> bool:
        """The whole is needed."""
        return False


WHOLLY: Briefly = _Wholly()
"""Documents have no briefs."""


@dataclass(frozen=True, slots=True)
class Change:
    """A record that was read, and what it says."""

    record: Received
    key: str
    envelope: Envelope
    """Its attributes; without the document."""
    data: JsonObject | None
    """The document; None when the key is taken out."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How far the topics were read."""

    offsets: Mapping[Place, int]
    logs: Mapping[str, str]
    """By topic, in which log the offsets count; without those of which it is not known."""
    unsaid: frozenset[str] = frozenset()
    """Topics whose briefs somebody left as they were when he changed the documents: they say nothing."""


async def reached(connection: AsyncConnection, topics: Sequence[str]) -> Reached:
    """How far the tables are."""
    rows = (await connection.execute(select(FOLLOW_OFFSETS).where(FOLLOW_OFFSETS.c.topic.in_(topics)))).all()
    # Partitions on which nothing came since an older version wrote them say nothing; those that say something say the same.
    return Reached(
        {(row.topic, row.partition): row.offset for row in rows},
        {row.topic: row.log for row in rows if row.log},
        frozenset(row.topic for row in rows if row.briefed != row.offset),
    )


def lease(topics: Sequence[str]) -> str:
    """Name of the lock under which one process of the service writes the tables."""
    return f"follow {' '.join(topics)}"


async def let_go(database: Database, bus: Bus, topics: Sequence[str]) -> int:
    """Empty the tables of a service that does not run, so that its next start reads the topics from their beginning; how many documents.

    Raises:
        StillFollowed: It runs.
        LogLost: A topic is not the one that was read, or has lost of it: that would be gone for good.
        BusTrouble: The log cannot be asked.
    """
    async with database.hold(lease(topics)) as connection:
        if connection is None:
            raise StillFollowed
        async with connection.begin():
            stored = await reached(connection, topics)
        for topic in topics:
            following = await bus.follow(topic)
            log, ends = following.log, following.ends
            await following.close()
            if stored.logs.get(topic, log) != log or any(end < stored.offsets.get(place, 0) for place, end in ends.items()):
                raise LogLost(facts={"topic": topic})
        async with connection.begin():
            gone = await connection.execute(delete(FOLLOWED).where(FOLLOWED.c.topic.in_(topics)))
            await connection.execute(delete(FOLLOW_OFFSETS).where(FOLLOW_OFFSETS.c.topic.in_(topics)))
        return gone.rowcount


async def pages(connection: AsyncConnection, topic: str, *, briefly: bool) -> AsyncIterator[list[Kept]]:
    """Everything kept of a topic, by key: whole documents, or such briefs as there are."""
    last = ""
    page = _BRIEFS if briefly else _WHOLES
    while True:
        async with connection.begin():
            rows: list[Kept] = await page.fetch(connection, {"of_topic": topic, "after": last})
        yield rows
        if len(rows) < AT_ONCE:
            return
        last = rows[-1][0]


async def wholes(connection: AsyncConnection, topic: str, keys: Sequence[str]) -> list[tuple[str, str]]:
    """Key and document, as JSON, of those of the keys that are there."""
    async with connection.begin():
        return await _WHOLE.fetch(connection, {"of_topic": topic, "keys": keys})


async def store(
    connection: AsyncConnection, changes: Sequence[Change], *, briefs: Mapping[tuple[str, str], str], offsets: Mapping[Place, int], log: str
) -> None:
    """Keep what was read and how far, in one transaction."""
    newest = {(change.record.topic, change.key): change for change in changes}
    kept = [(*place, value.decode(), briefs.get(place)) for place, change in newest.items() if (value := change.record.value) is not None]
    gone = [{"gone_topic": topic, "gone_key": key} for (topic, key), change in newest.items() if change.record.value is None]
    positions: dict[tuple[str, str], int] = {}
    for change in changes:
        place = (change.envelope.service, change.envelope.key)
        positions[place] = max(change.envelope.position, positions.get(place, 0))
    async with connection.begin():
        if kept:
            await connection.execute(_KEEP, dict(zip(_KEPT, map(list, zip(*kept, strict=True)), strict=True)))
        if gone:
            await connection.execute(_DROP, gone)
        rows = [
            {"topic": topic, "partition": number, "offset": offset, "log": log, "briefed": offset}
            for (topic, number), offset in offsets.items()
        ]
        if rows:
            await connection.execute(_REACHED, rows)
        await store_positions(connection, positions)


async def forget_offsets(connection: AsyncConnection, topic: str) -> None:
    """The offsets of a topic count in a log that is no more."""
    async with connection.begin():
        await connection.execute(_FORGET_OFFSETS, {"another": topic})


async def forget_briefs(connection: AsyncConnection, topics: Collection[str]) -> None:
    """Take the briefs of these topics away, and say that what is left holds; the caller is the one who writes the tables."""
    for topic in sorted(topics):
        last: str | None = ""
        while last is not None:
            async with connection.begin():
                last = await connection.scalar(_UNSAY, {"of_topic": topic, "after": last})
        async with connection.begin():
            await connection.execute(_SAID, {"said": topic})


_of_topic = FOLLOWED.c.topic == bindparam("of_topic", type_=Text)
_page = select(FOLLOWED.c.key).where(_of_topic, FOLLOWED.c.key > bindparam("after", type_=Text)).order_by(FOLLOWED.c.key).limit(AT_ONCE)
_whole = cast(FOLLOWED.c.data, Text)
_BRIEFS = Prepared(_page.add_columns(FOLLOWED.c.brief, null()))
_WHOLES = Prepared(_page.add_columns(null(), _whole))
_WHOLE = Prepared(select(FOLLOWED.c.key, _whole).where(_of_topic, FOLLOWED.c.key == func.any(bindparam("keys", type_=ARRAY(Text)))))
_KEPT = ("topics", "keys", "documents", "briefs")
_new = (
    func.unnest(*(bindparam(name, type_=ARRAY(Text)) for name in _KEPT))
    .table_valued(*(column(name, Text) for name in ("topic", "key", "data", "brief")), name="new")
    .render_derived()
)
_keep = insert(FOLLOWED).from_select(
    ["topic", "key", "data", "brief"], select(_new.c.topic, _new.c.key, cast(_new.c.data, JSONB), _new.c.brief)
)
_KEEP = _keep.on_conflict_do_update(
    index_elements=[FOLLOWED.c.topic, FOLLOWED.c.key], set_={"data": _keep.excluded.data, "brief": _keep.excluded.brief}
)
_DROP = delete(FOLLOWED).where(FOLLOWED.c.topic == bindparam("gone_topic"), FOLLOWED.c.key == bindparam("gone_key"))
_new_offset = insert(FOLLOW_OFFSETS)
_REACHED = _new_offset.on_conflict_do_update(
    index_elements=[FOLLOW_OFFSETS.c.topic, FOLLOW_OFFSETS.c.partition],
    set_={name: _new_offset.excluded[name] for name in ("offset", "log", "briefed")},
)
_FORGET_OFFSETS = delete(FOLLOW_OFFSETS).where(FOLLOW_OFFSETS.c.topic == bindparam("another"))
_said_keys = (
    select(FOLLOWED.c.key)
    .where(_of_topic, FOLLOWED.c.key > bindparam("after", type_=Text), FOLLOWED.c.brief.is_not(None))
    .order_by(FOLLOWED.c.key)
    .limit(AT_ONCE)
)
_unsaid = update(FOLLOWED).where(_of_topic, FOLLOWED.c.key.in_(_said_keys)).values(brief=null()).returning(FOLLOWED.c.key).cte("unsaid")
_UNSAY = select(func.max(_unsaid.c.key))
_SAID = update(FOLLOW_OFFSETS).where(FOLLOW_OFFSETS.c.topic == bindparam("said")).values(briefed=FOLLOW_OFFSETS.c.offset)
