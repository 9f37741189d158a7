"""What is read of a followed topic goes into the tables, documents and offsets in one transaction, while more is read."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ARRAY, Text, bindparam, cast, column, delete, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.bus import Offsets, Place
from chassis.followed import AT_ONCE, Briefly, Change
from chassis.inbox import store_positions
from chassis.tables import FOLLOW_OFFSETS, FOLLOWED


@dataclass(slots=True)
class _Gathered:
    """What was read and waits to be stored: of the documents only their bytes, since what was made of them takes ten times as much."""

    values: dict[str, bytes | None] = field(default_factory=dict)
    """The newest of each key; None where it was taken out."""
    briefed: set[str] = field(default_factory=set)
    """Keys whose briefs are stored too."""
    positions: dict[tuple[str, str], int] = field(default_factory=dict)
    """By service and key the highest that was heard."""
    offsets: dict[Place, int] = field(default_factory=dict)


class Storing:
    """The stores of one reading of a topic: while one is under way, what is read is gathered for the next."""

    def __init__(self, connection: AsyncConnection | None, topic: str, *, log: str, briefly: Briefly, at_once: asyncio.Lock) -> None:
        """Begin with nothing.

        Args:
            connection: Of the one who writes the tables; without it nothing is stored.
            topic: The topic.
            log: In which log its offsets count.
            briefly: What the memory keeps of its documents.
            at_once: Held during a store; others use the connection too.
        """
        self._connection = connection
        self._topic = topic
        self._log = log
        self._briefly = briefly
        self._at_once = at_once
        self._gathered = _Gathered()
        self._task: asyncio.Task[None] | None = None

    async def put(self, changes: Sequence[Change], *, briefed: Collection[str], offsets: Offsets) -> None:
        """Have it stored, now or with what comes next; a store that failed ends the reading here, before another says how far it came.

        ``briefed`` are the keys whose briefs are stored: those that the memory took from these changes, which must be the last it took. In a
        first reading all of them, for nobody goes on from there before it has come to its end.
        """
        if self._connection is None:
            return
        gathered = self._gathered
        for change in changes:
            gathered.values[change.key] = change.record.value
            place = (change.envelope.service, change.envelope.key)
            gathered.positions[place] = max(change.envelope.position, gathered.positions.get(place, 0))
        gathered.briefed.update(briefed)
        gathered.offsets.update(offsets)
        if len(gathered.values) >= AT_ONCE:
            # No more is ahead of the tables than they take at once.
            await self._wait()
        else:
            await asyncio.sleep(0)
        self._begin()

    async def done(self) -> None:
        """Wait until all is stored."""
        while self._task is not None:
            await self._wait()
            self._begin()

    async def cut_off(self) -> None:
        """Store nothing more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _begin(self) -> None:
        if self._task is not None:
            if not self._task.done():
                return
            self._task.result()
            self._task = None
        gathered, self._gathered = self._gathered, _Gathered()
        if self._connection is not None and (gathered.values or gathered.offsets):
            # Now: what is in memory is what was gathered, and a moment later may be more.
            briefs = {key: brief for key in gathered.briefed if (brief := self._briefly.brief(self._topic, key)) is not None}
            self._task = asyncio.create_task(self._store(self._connection, gathered, briefs=briefs))

    async def _store(self, connection: AsyncConnection, gathered: _Gathered, *, briefs: Mapping[str, str]) -> None:
        kept = [(key, value.decode(), briefs.get(key)) for key, value in gathered.values.items() if value is not None]
        gone = [key for key, value in gathered.values.items() if value is None]
        reached = [
            {"topic": self._topic, "partition": number, "offset": offset, "log": self._log, "briefed": offset}
            for (_, number), offset in gathered.offsets.items()
        ]
        async with self._at_once, connection.begin():
            if kept:
                columns = dict(zip(_KEPT, map(list, zip(*kept, strict=True)), strict=True))
                await connection.execute(_KEEP, {"of_topic": self._topic} | columns)
            if gone:
                await connection.execute(_DROP, {"of_topic": self._topic, "keys": gone})
            if reached:
                await connection.execute(_REACHED, reached)
            await store_positions(connection, gathered.positions)

    async def _wait(self) -> None:
        if self._task is not None:
            # Not awaited itself: it would get the cancellation in our place, and may just be done.
            await asyncio.wait({self._task})


_KEPT = ("keys", "documents", "briefs")
_new = (
    func.unnest(*(bindparam(name, type_=ARRAY(Text)) for name in _KEPT))
    .table_valued(*(column(name, Text) for name in ("key", "data", "brief")), name="new")
    .render_derived()
)
_keep = insert(FOLLOWED).from_select(
    ["topic", "key", "data", "brief"], select(bindparam("of_topic", type_=Text), _new.c.key, cast(_new.c.data, JSONB), _new.c.brief)
)
_KEEP = _keep.on_conflict_do_update(
    index_elements=[FOLLOWED.c.topic, FOLLOWED.c.key], set_={"data": _keep.excluded.data, "brief": _keep.excluded.brief}
)
_DROP = delete(FOLLOWED).where(
    FOLLOWED.c.topic == bindparam("of_topic", type_=Text), FOLLOWED.c.key == func.any(bindparam("keys", type_=ARRAY(Text)))
)
_new_offset = insert(FOLLOW_OFFSETS)
_REACHED = _new_offset.on_conflict_do_update(
    index_elements=[FOLLOW_OFFSETS.c.topic, FOLLOW_OFFSETS.c.partition],
    set_={name: _new_offset.excluded[name] for name in ("offset", "log", "briefed")},
)
