"""A log as bad as a log may be: every record twice, and what has different keys in any order. For development and fault tests only.

Wraps one of the real adapters; chosen by the setting ``bus_unruly``, which `chassis.settings` refuses outside development. What is promised
stays: a record is given out at least once, and records of one key in their order for the first time. Nothing is committed before every
record of a batch was given out. What was spoiled is logged (``log.unruly``, how many), so that whoever tries this knows that it came to pass.
"""

import asyncio
import random
from collections import deque
from collections.abc import Collection, Sequence
from typing import Literal

from chassis.bus import Bus, Following, Offsets, Place, Received, Subscription
from chassis.logs import get_logger
from chassis.topics import Topic
from contracts.envelope import Record

_log = get_logger()

GATHER = 0.2
"""Seconds before a batch is read: a single record could not be put in another order."""

Way = Literal["twice", "shuffled"]
"""``twice``: each record comes again, a little later; ``shuffled``: keys overtake each other, in small batches."""


class UnrulyBus:
    """A real log behind a bad line."""

    def __init__(self, bus: Bus, *, way: Way, seed: int = 0) -> None:
        """Wrap a log that may be started or not.

        Args:
            bus: The real one.
            way: What is wrong with it.
            seed: Begins the order of ``shuffled``.
        """
        self._bus = bus
        self._way: Way = way
        self._seed = seed

    async def start(self) -> None:
        """Connect."""
        await self._bus.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._bus.stop()

    async def ping(self) -> None:
        """Ask the log for an answer."""
        await self._bus.ping()

    async def create(self, topics: Sequence[Topic]) -> None:
        """Make the topics."""
        await self._bus.create(topics)

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has."""
        return await self._bus.partitions(topic)

    async def partition(self, topic: str, key: str) -> int:
        """The partition of a key."""
        return await self._bus.partition(topic, key)

    async def ends(self, topics: Collection[str]) -> Offsets:
        """Per partition the offset after its last record."""
        return await self._bus.ends(topics)

    async def committed(self, group: str) -> Offsets:
        """Per partition the offset from which a group goes on."""
        return await self._bus.committed(group)

    async def append(self, topic: str, partition: int, records: Sequence[Record]) -> None:
        """Write records; ``twice`` writes each batch again, as a producer does that lost the answer."""
        await self._bus.append(topic, partition, records)
        if self._way == "twice":
            await self._bus.append(topic, partition, records)
            _log.info("log.unruly", kind="repeated", count=len(records))

    async def subscribe(self, group: str, topics: Sequence[str]) -> "UnrulyMember":
        """Join a group."""
        return UnrulyMember(await self._bus.subscribe(group, topics), way=self._way, seed=self._seed)

    async def follow(self, topic: str, offsets: Offsets | None = None, *, log: str = "") -> Following:
        """Read a whole topic; what is compacted has no repeats to speak of, the last of a key holds."""
        return await self._bus.follow(topic, offsets, log=log)


class UnrulyMember:
    """One member of a group that is given its records badly."""

    def __init__(self, subscription: Subscription, *, way: Way, seed: int) -> None:
        self._subscription = subscription
        self._way = way
        self._random = random.Random(seed)  # noqa: S311 - which order a test sees is no secret
        self._waiting: deque[list[Received]] = deque()

    async def batch(self, *, limit: int = 100, wait: float = 0.5) -> list[Received]:
        """The next piece of the real log's batch; that one is acknowledged when its last piece was."""
        if not self._waiting:
            await asyncio.sleep(GATHER)
            records = await self._subscription.batch(limit=limit, wait=wait)
            pieces = self._spoil(records)
            self._waiting.extend(pieces)
            _tell(pieces)
        return self._waiting.popleft() if self._waiting else []

    async def commit(self) -> None:
        """Commit; not in the middle of a batch."""
        if not self._waiting:
            await self._subscription.commit()

    async def rewind(self) -> None:
        """Read the last batch again, whole."""
        self._waiting.clear()
        await self._subscription.rewind()

    async def close(self) -> None:
        """Leave the group; a batch that was not given out whole is not done."""
        if self._waiting:
            await self.rewind()
        await self._subscription.close()

    def _spoil(self, records: Sequence[Received]) -> list[list[Received]]:
        if not records:
            return []
        if self._way == "twice":
            # Together in one transaction first, then alone in another: both ways of meeting a repeat.
            return [[each for each in records for _ in range(2)], list(records)]
        return self._shuffle(records)

    def _shuffle(self, records: Sequence[Received]) -> list[list[Received]]:
        """Pieces of one to three records, keys in any order, the records of each in theirs."""
        by_key: dict[str | None, deque[Received]] = {}
        for record in records:
            by_key.setdefault(record.key, deque()).append(record)
        pieces: list[list[Received]] = []
        while by_key:
            piece: list[Received] = []
            for _ in range(self._random.randint(1, 3)):
                if by_key:
                    key = self._random.choice(list(by_key))
                    piece.append(by_key[key].popleft())
                    if not by_key[key]:
                        del by_key[key]
            pieces.append(piece)
        return pieces


def _tell(pieces: Sequence[Sequence[Received]]) -> None:
    """Log how many records come again, and how many after a younger one of their partition."""
    given = [record for piece in pieces for record in piece]
    furthest: dict[Place, int] = {}
    overtaken = 0
    for record in given:
        overtaken += record.offset < furthest.get(record.place, -1)
        furthest[record.place] = max(record.offset, furthest.get(record.place, -1))
    repeated = len(given) - len({(record.place, record.offset) for record in given})
    for kind, count in (("repeated", repeated), ("overtaken", 0 if repeated else overtaken)):
        if count:
            _log.info("log.unruly", kind=kind, count=count)
