"""The event log as a service sees it: one port, two adapters (`chassis.bus_kafka`, `chassis.bus_postgres`) that pass the same tests.

A log has topics, a topic has partitions, a partition is an order. A record's key decides its partition, so what has the same key keeps its
order. Two doors to read: `Bus.subscribe` shares the partitions among the members of a group, `Bus.follow` gives the whole topic to whoever
asks.

::

    BusTrouble
    ├── BusUnavailable   the log cannot be reached or refused for a passing reason; the same call may succeed later
    ├── LeaseLost        another member owns a partition of the last batch; it will handle those records again
    ├── LogRemade        a topic was lost and made anew while somebody read it to its end
    ├── UnknownTopic     the log has no such topic
    └── RecordTooLarge   no log takes a record of this size, now or later
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from contracts.envelope import Record
from contracts.refusals import Unavailable

if TYPE_CHECKING:
    from chassis.topics import Topic

LARGEST_RECORD = 900_000
"""Bytes of key, value and headers together; Kafka's own bound on a batch is 1 MiB."""

PATIENCE = 30.0
"""Seconds for which a log that is known to hold more may say nothing."""

Place = tuple[str, int]
"""A partition: topic and number."""

Offsets = Mapping[Place, int]
"""Per partition the next offset to read."""


class BusTrouble(Exception):
    """What the log could not do."""


class BusUnavailable(Unavailable, BusTrouble):
    """The log did not answer, or said to come back."""

    RULE = "unavailable.log"
    ZH = "事件总线暂时不可用,请稍后再试"
    EN = "The event log is not available now; try again shortly"


class LeaseLost(BusTrouble):
    """The group gave partitions of the last batch to another member; nothing was committed for those."""


class LogRemade(BusTrouble):
    """A topic was lost and made anew while it was read to its end: what was read stands on no log any more. Read it again."""


class UnknownTopic(BusTrouble):
    """The log has no such topic; topics are made from ``deploy/topics.yaml``."""


class RecordTooLarge(BusTrouble):
    """The record is larger than `LARGEST_RECORD`."""


@dataclass(frozen=True, slots=True)
class Received:
    """One record as read."""

    topic: str
    partition: int
    offset: int
    key: str | None
    value: bytes | None
    """``None`` for a tombstone."""
    headers: tuple[tuple[str, bytes], ...]

    @property
    def place(self) -> Place:
        """The partition it stands in."""
        return self.topic, self.partition


class Subscription(Protocol):
    """One member of a group. Asking for the next batch says that the one before is done.

    A topic that was lost and made anew is another log, even where it was filled past the offset at which the group stood: the group reads
    it from its oldest record on, and what stands there again is given out again.
    """

    async def batch(self, *, limit: int = 100, wait: float = 0.5) -> list[Received]:
        """The next records of the partitions this member owns, in order within a partition; empty after ``wait`` seconds without any.

        Raises:
            LeaseLost: Partitions of the batch before were given to another member while it was being handled. Go on: the next call reads
                from where the group stands.
            BusUnavailable: Try again; nothing is skipped.
        """

    async def commit(self) -> None:
        """Say for the group how far this member is: every batch given out is done, the last one included.

        Raises:
            LeaseLost: See `LeaseLost`; what is still owned was committed.
            BusUnavailable: Nothing was committed, or it is not known; do it again.
        """

    async def rewind(self) -> None:
        """Read the last batch again: it was not done after all."""

    async def close(self) -> None:
        """Commit what is done and leave the group, so that others take over at once. A batch that was rewound is not done."""


class Following(Protocol):
    """A reading of a whole topic, by nobody's leave and without a group."""

    @property
    def ends(self) -> Offsets:
        """Per partition the offset after its last record when the reading began; who is there has seen what stood then."""

    @property
    def offsets(self) -> Offsets:
        """Per partition the next offset to be given out; may pass records that were compacted away."""

    @property
    def log(self) -> str:
        """Which log the offsets count in: a topic that was lost and made anew is another, and is then read from its oldest record on."""

    async def batch(self, *, limit: int = 500, wait: float = 0.5) -> list[Received]:
        """The next records, all of one log; empty after ``wait`` seconds without any.

        Raises:
            BusUnavailable: Try again; nothing is skipped.
        """

    async def close(self) -> None:
        """Stop reading."""


class Bus(Protocol):
    """The log."""

    async def start(self) -> None:
        """Connect.

        Raises:
            BusUnavailable: The log cannot be reached.
        """

    async def stop(self) -> None:
        """Disconnect; what was appended stays."""

    async def ping(self) -> None:
        """Ask the log for an answer, within a second.

        Raises:
            BusUnavailable: It gave none.
        """

    async def create(self, topics: Sequence["Topic"]) -> None:
        """Make the topics that are not there yet and wait until each partition takes records; those that exist stay as they are."""

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has.

        Raises:
            UnknownTopic: There is none of this name.
        """

    async def partition(self, topic: str, key: str) -> int:
        """The partition of a key.

        Raises:
            UnknownTopic: There is none of this name.
        """

    async def ends(self, topics: Collection[str]) -> Offsets:
        """Per partition of these topics the offset after its last record.

        Raises:
            UnknownTopic: One of the topics is not there.
            BusUnavailable: The log cannot be reached.
        """

    async def committed(self, group: str) -> Offsets:
        """Per partition the offset from which a group goes on, as it last said; without those it has said nothing of yet.

        Raises:
            BusUnavailable: The log cannot be reached.
        """

    async def append(self, topic: str, partition: int, records: Sequence[Record]) -> None:
        """Write records at the end of a partition, together and in their order; returns when they are safe.

        May wait as long as the log is away. After a failure it is not known whether they were written: the caller writes the same again,
        and until then nothing else to this partition.

        Raises:
            BusUnavailable: Not written, or not known to be.
            UnknownTopic: There is none of this name.
            RecordTooLarge: A record can never be written.
        """

    async def subscribe(self, group: str, topics: Sequence[str]) -> Subscription:
        """Join a group; from the oldest record on where the group has not read yet, or read another log: one that was lost meanwhile.

        Raises:
            UnknownTopic: One of the topics is not there.
            BusUnavailable: The log cannot be reached.
        """

    async def follow(self, topic: str, offsets: Offsets | None = None, *, log: str = "") -> Following:
        """Read a whole topic from these offsets, from the oldest record where none is given.

        Args:
            topic: Its name.
            offsets: Per partition the first to read.
            log: Which log they count in, as `Following.log` said; where there is another now they mean nothing. Empty: not known.

        Raises:
            UnknownTopic: There is none of this name.
            BusUnavailable: The log cannot be reached.
        """


async def to_the_end(following: Following, *, patience: float = PATIENCE) -> AsyncIterator[list[Received]]:
    """What stands on a topic up to where it ended when the reading began, batch by batch; the event loop breathes in between.

    Args:
        following: The reading, which begins here.
        patience: Seconds without a record after which the end is not waited for any longer.

    Raises:
        LogRemade: The end was that of another log.
        BusUnavailable: Nothing came, though the topic has more.
    """
    log, loop = following.log, asyncio.get_running_loop()
    stood, until = dict(following.offsets), loop.time() + patience
    while any(following.offsets.get(place, 0) < end for place, end in following.ends.items()):
        try:
            # Kafka's client says nothing of a topic that is gone, nor of brokers that are: it finds no records, or waits.
            async with asyncio.timeout_at(until):
                records = await following.batch()
        except TimeoutError:
            raise BusUnavailable(retry_after=1) from None
        if following.log != log:
            raise LogRemade(next(iter(following.ends))[0])
        yield records
        await asyncio.sleep(0)
        if following.offsets != stood:
            stood, until = dict(following.offsets), loop.time() + patience


def weigh(record: Record) -> int:
    """Bytes of a record's key, value and headers.

    Raises:
        RecordTooLarge: It is more than `LARGEST_RECORD`.
    """
    size = len(record.key) * 3 + len(record.value or b"") + sum(len(name) + len(value) for name, value in record.headers)
    if size > LARGEST_RECORD:
        raise RecordTooLarge(f"a record of {size} bytes; {LARGEST_RECORD} at most")
    return size


def unnoticed() -> None:
    """Does nothing, where nobody counts."""


@lru_cache(maxsize=4_000)
def partition_of(key: str, partitions: int) -> int:
    """The partition that every Kafka client chooses for a key: murmur2 of its UTF-8 bytes.

    Remembered for the keys last used, since the events of one come close together.
    """
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Austin Appleby's MurmurHash2, 32 bits, unsigned, with Kafka's seed.

    Source: org.apache.kafka.common.utils.Utils.murmur2.
    """
    mask, multiplier, shift = 0xFFFFFFFF, 0x5BD1E995, 24
    length = len(data)
    whole = length & ~3
    hashed = (0x9747B28C ^ length) & mask
    for start in range(0, whole, 4):
        word = (int.from_bytes(data[start : start + 4], "little") * multiplier) & mask
        word = ((word ^ (word >> shift)) * multiplier) & mask
        hashed = ((hashed * multiplier) & mask) ^ word
    if whole < length:
        hashed = ((hashed ^ int.from_bytes(data[whole:], "little")) * multiplier) & mask
    hashed = ((hashed ^ (hashed >> 13)) * multiplier) & mask
    return hashed ^ (hashed >> 15)
