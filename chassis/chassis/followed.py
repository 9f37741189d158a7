"""What is followed, in the tables: the documents, how far each partition was read, and beside large documents what the memory is made of.

A brief is what a service needs to have a document in its memory again (`Briefly`). Whoever writes the documents writes it with them; a
version of the software that knows of none leaves the column as it was, and is found out by the offsets, which it moves alone.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import orjson
import uuid_utils
from sqlalchemy import ARRAY, Text, bindparam, cast, delete, func, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.bus import Bus, Following, LogRemade, Offsets, Received, to_the_end
from chassis.database import Database
from chassis.logs import get_logger
from chassis.prepared import Prepared
from chassis.tables import FOLLOW_OFFSETS, FOLLOWED
from contracts.codec import Malformed
from contracts.envelope import Envelope, read_attributes
from contracts.refusals import Conflict
from contracts.values import JsonObject

AT_ONCE = 2_000
"""Rows read from the tables, or changed in them, in one go."""

Kept: TypeAlias = tuple[str, str | None, str | None]
"""Key, brief, document as JSON; only one of the two was asked for, and a brief may not be there."""

_log = get_logger()


class StillFollowed(Conflict):
    """A process of the service is running; its tables are its own."""

    RULE = "follow.running"
    ZH = "该服务仍在运行,请先停止"
    EN = "The service is still running; stop it first"


class LogLost(Conflict):
    """The log has less of a topic than the service keeps of it; ``facts``: ``topic``, ``key`` where it has nothing of one."""

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


def change_of(record: Received) -> Change | None:
    """What a record says; None, and a line in the log, where it cannot be read."""
    try:
        # The document is kept beside it, and a tombstone has none.
        envelope = read_attributes(key=record.key, headers=record.headers, data={})
        data = None if record.value is None else orjson.loads(record.value)
    except (Malformed, orjson.JSONDecodeError):
        envelope, data = None, None
    readable = envelope is not None and envelope.source.startswith("/") and (isinstance(data, dict) or record.value is None)
    # No table holds the character NUL.
    if envelope is None or record.key is None or not readable or b"\\u0000" in (record.value or b""):
        _log.error("follow.unreadable", topic=record.topic, partition=record.partition, offset=record.offset)
        return None
    return Change(record, record.key, envelope, data)


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a topic was read, in the tables or in a process' memory."""

    offsets: Offsets
    """Of the tables: none at all until a first reading has come to the end, whatever documents are there."""
    log: str
    """In which log the offsets count; empty where it is not known."""
    is_briefed: bool = False
    """Whether the briefs beside the documents hold; somebody may have left them as they were when he changed the documents."""

    def goes_on_in(self, following: Following) -> bool:
        """Whether the topic is still the one that was read, and has lost nothing of that."""
        ends = following.ends
        return self.log in {"", following.log} and all(offset <= ends.get(place, offset) for place, offset in self.offsets.items())


async def reached(connection: AsyncConnection, topics: Sequence[str]) -> dict[str, Reached]:
    """How far the tables are, by topic."""
    rows = (await connection.execute(select(FOLLOW_OFFSETS).where(FOLLOW_OFFSETS.c.topic.in_(topics)))).all()
    found = {}
    for topic in topics:
        of_topic = [row for row in rows if row.topic == topic]
        found[topic] = Reached(
            {(topic, row.partition): row.offset for row in of_topic},
            # Partitions on which nothing came since an older version wrote them say nothing; those that say something say the same.
            max((row.log for row in of_topic), default=""),
            bool(of_topic) and all(row.briefed == row.offset for row in of_topic),
        )
    return found


def lease(topics: Sequence[str]) -> str:
    """Name of the lock under which one process of the service writes the tables."""
    return f"follow {' '.join(topics)}"


async def let_go(database: Database, bus: Bus, topics: Sequence[str]) -> int:
    """Empty the tables of a service that does not run, so that its next start reads the topics from their beginning; how many documents.

    Reads the topics itself first: whatever is let go must be told of there.

    Raises:
        StillFollowed: It runs.
        LogLost: A topic is not the one that was read, or has nothing of a key that is kept: that would be gone for good.
        BusTrouble: The log cannot be asked.
    """
    async with database.hold(lease(topics)) as connection, at_length(database) as reading:
        if connection is None:
            raise StillFollowed
        async with connection.begin():
            stored = await reached(connection, topics)
        for topic in topics:
            told = await _told(bus, topic, stored[topic])
            async with pages(reading, topic, briefly=True) as kept:
                async for rows in kept:
                    untold = [key for key, _, _ in rows if key not in told]
                    if untold:
                        raise LogLost(facts={"topic": topic, "key": untold[0]})
        async with connection.begin():
            gone = await connection.execute(delete(FOLLOWED).where(FOLLOWED.c.topic.in_(topics)))
            await connection.execute(delete(FOLLOW_OFFSETS).where(FOLLOW_OFFSETS.c.topic.in_(topics)))
        return gone.rowcount


async def _told(bus: Bus, topic: str, stored: Reached) -> set[str]:
    """Keys of which the log says something, be it that they are taken out."""
    following = await bus.follow(topic)
    told: set[str] = set()
    try:
        if not stored.goes_on_in(following):
            raise LogLost(facts={"topic": topic})
        async for records in to_the_end(following):
            told.update(change.key for change in map(change_of, records) if change is not None)
    except LogRemade:
        raise LogLost(facts={"topic": topic}) from None
    finally:
        await following.close()
    return told


class Pages:
    """Everything kept of a topic, by key: whole documents, or such briefs as there are. While a page is worked on the next is fetched."""

    def __init__(self, connection: AsyncConnection, topic: str, *, briefly: bool) -> None:
        """Prepare; use `pages`."""
        self._connection = connection
        self._topic = topic
        self._statement = _BRIEFS if briefly else _WHOLES
        self._next: asyncio.Task[list[Kept]] | None = None

    async def __aiter__(self) -> AsyncIterator[list[Kept]]:
        """Page after page."""
        self._next = self._ask("")
        while self._next is not None:
            rows = await self._next
            self._next = self._ask(rows[-1][0]) if len(rows) == AT_ONCE else None
            # The question leaves before the caller begins, who may let nobody else work for a while.
            await asyncio.sleep(0)
            yield rows

    async def wholes(self, keys: Sequence[str]) -> list[tuple[str, str]]:
        """Key and document, as JSON, of those of the keys that are there."""
        if self._next is not None:
            # A connection answers one question at a time.
            await asyncio.wait({self._next})
        return await _WHOLE.fetch(self._connection, {"of_topic": self._topic, "keys": keys})

    async def leave(self) -> None:
        """Ask for nothing more."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.wait({self._next})

    def _ask(self, after: str) -> asyncio.Task[list[Kept]]:
        return asyncio.create_task(self._statement.fetch(self._connection, {"of_topic": self._topic, "after": after}))


@asynccontextmanager
async def at_length(database: Database) -> AsyncIterator[AsyncConnection]:
    """A connection on which every statement stands for itself: to read all that is kept takes longer than a transaction may live."""
    async with database.hold(f"read {uuid_utils.uuid7()}") as connection:
        if connection is None:
            raise RuntimeError("a name that was just made is taken")
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        yield connection


@asynccontextmanager
async def pages(connection: AsyncConnection, topic: str, *, briefly: bool) -> AsyncIterator[Pages]:
    """Read a topic's documents over a connection of `at_length`; each page is as of its own instant."""
    read = Pages(connection, topic, briefly=briefly)
    try:
        yield read
    finally:
        await read.leave()


async def forget_offsets(connection: AsyncConnection, topic: str) -> None:
    """Say that nothing was read of a topic's log, since it is another or has lost of it; the documents are as whole as they were."""
    async with connection.begin():
        await connection.execute(_FORGET_OFFSETS, {"another": topic})


async def forget_briefs(connection: AsyncConnection, topic: str) -> None:
    """Take the briefs of a topic away, and say that what is left holds; the caller is the one who writes the tables."""
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
_FORGET_OFFSETS = update(FOLLOW_OFFSETS).where(FOLLOW_OFFSETS.c.topic == bindparam("another")).values(offset=0, log="", briefed=0)
_said_keys = (
    select(FOLLOWED.c.key)
    .where(_of_topic, FOLLOWED.c.key > bindparam("after", type_=Text), FOLLOWED.c.brief.is_not(None))
    .order_by(FOLLOWED.c.key)
    .limit(AT_ONCE)
)
_unsaid = update(FOLLOWED).where(_of_topic, FOLLOWED.c.key.in_(_said_keys)).values(brief=null()).returning(FOLLOWED.c.key).cte("unsaid")
_UNSAY = select(func.max(_unsaid.c.key))
_SAID = update(FOLLOW_OFFSETS).where(FOLLOW_OFFSETS.c.topic == bindparam("said")).values(briefed=FOLLOW_OFFSETS.c.offset)
