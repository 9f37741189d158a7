"""Reading Kafka as a member of a group."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from chassis.bus import BusUnavailable, LeaseLost, Place, Received
from chassis.bus_kafka_brokers import Brokers, Stand, reaching, received, stop, unhurried
from chassis.bus_kafka_looks import Looks, answered

_TOPICS_SOUGHT = 10_000
"""Milliseconds after which a member whose topics were gone looks for them; the library's five minutes would be an outage of their own."""
_HANDOVER = 5.0
"""Seconds that a rebalance waits for the batch in hand."""
_COMMITTING = 5.0
"""Seconds for a commit: the library tries for ever, and a rebalance would wait with it."""
_ASSIGNING = 30.0
"""Seconds beyond the caller's in which a member that is being given partitions must have them; else it joins anew."""


class KafkaMember(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """One member of a Kafka group.

    Beside each offset it commits stands which log the offset counts in (`chassis.bus_kafka_looks`). Where that is another log than the one
    there is now, and where the log turns into another one under it, it reads from the beginning. An offset without a log is taken as it is:
    an older version committed it, or a person moved the group by Kafka's own tools.
    """

    def __init__(
        self, options: Mapping[str, Any], *, brokers: Brokers, group: str, topics: Sequence[str], session: float, remade: Callable[[], None]
    ) -> None:
        self._group = group
        self._topics = list(topics)
        self._consumer = unhurried(
            AIOKafkaConsumer(
                **options,
                group_id=group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                session_timeout_ms=int(session * 1000),
                heartbeat_interval_ms=min(500, int(session * 200)),
                metadata_max_age_ms=_TOPICS_SOUGHT,
            )
        )
        self._brokers = brokers
        self._looks = Looks(self._brokers, self._topics, remade=remade)
        self._unproven: frozenset[Place] = frozenset()  # assigned, and not yet looked at since
        self._given: dict[Place, int] = {}  # first offsets of the last batch
        self._next: dict[Place, int] = {}  # what follows it
        self._done: dict[Place, tuple[int, str]] = {}  # not yet committed, each with the log in which it was read
        self._lost = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def join(self) -> None:
        """Become a member."""
        self._consumer.subscribe(topics=self._topics, listener=self)
        with reaching():
            try:
                await self._consumer.start()
            except BaseException:
                await self._consumer.stop()
                raise

    async def batch(self, *, limit: int = 100, wait: float = 0.5) -> list[Received]:
        """The next records of the partitions this member owns."""
        self._acknowledge()
        self._refuse_if_lost()
        if self._unproven:
            await self._look()
        with reaching():
            async with asyncio.timeout(wait + _ASSIGNING):
                found = await self._consumer.getmany(timeout_ms=int(wait * 1000), max_records=limit)
        records = [received(message) for messages in found.values() for message in messages]
        for record in records:
            self._given.setdefault(record.place, record.offset)
            self._next[record.place] = record.offset + 1
        if records:
            self._idle.clear()
        if self._unproven or self._looks.is_due(found=bool(records)):
            try:
                await self._look()
            except BaseException:
                # What was read before the failure was given to nobody.
                await self.rewind()
                raise
            # What is read from elsewhere now was forgotten.
            records = [record for record in records if record.place in self._given]
        if not records:
            self._idle.set()
        return records

    async def commit(self) -> None:
        """Commit every batch given out."""
        self._acknowledge()
        self._refuse_if_lost()
        await self._commit()
        self._refuse_if_lost()

    async def rewind(self) -> None:
        """Read the last batch again."""
        assigned = self._consumer.assignment()
        for place, offset in self._given.items():
            if TopicPartition(*place) in assigned:
                self._consumer.seek(TopicPartition(*place), offset)
        self._forget_batch()

    async def close(self) -> None:
        """Commit what is done and leave."""
        await self.rewind()
        with contextlib.suppress(BusUnavailable):
            await self._commit()
        await stop(self._consumer)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finish the batch in hand before others take over, then commit."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HANDOVER):
                await self._idle.wait()
        places = {(each.topic, each.partition) for each in revoked}
        if places & self._given.keys():
            # Still being handled; whoever has these partitions next reads that batch again.
            self._lost = True
            self._forget_batch()
        with contextlib.suppress(BusUnavailable):
            await self._commit()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Read from where the group stands; what was not committed by now belongs to others."""
        self._done.clear()
        self._unproven = frozenset((each.topic, each.partition) for each in assigned)

    async def _look(self) -> None:
        """See that the logs are those that the offsets count in, and read from the beginning where they are not.

        Raises:
            BusUnavailable: It cannot be known of partitions that were just assigned, or nobody said where the group stands.
        """
        while True:
            unproven = self._unproven
            logs = await (self._looks.ask() if unproven else self._looks.ask_once())
            found = sorted(place for place in unproven if place[0] in logs)
            stands = await answered(partial(self._brokers.stands, self._group, found)) if found else {}
            if self._unproven is unproven:
                break
        others = self._looks.learn(logs)
        self._unproven = unproven - stands.keys()
        owned = {(each.topic, each.partition) for each in self._consumer.assignment()}
        remade = {place for place in owned - unproven if place[0] in others}
        remade |= {place for place, stand in stands.items() if stand.offset >= 0 and stand.log not in {"", logs[place[0]]}}
        self._stand(remade, stands=stands, owned=owned)

    def _stand(self, remade: AbstractSet[Place], *, stands: Mapping[Place, Stand], owned: Collection[Place]) -> None:
        for place in remade | stands.keys() | self._unproven:
            self._given.pop(place, None)
            self._next.pop(place, None)
            self._done.pop(place, None)
            if place in owned and place not in self._unproven:
                # Said even where the library stands there already: it asks by itself, at another moment, where the group stands. What
                # was there before the oldest record it leads to that one.
                self._consumer.seek(TopicPartition(*place), 0 if place in remade else max(stands[place].offset, 0))
        for topic, partitions in Counter(topic for topic, _ in remade).items():
            self._looks.tell(topic, partitions=partitions)

    def _acknowledge(self) -> None:
        # The log belongs to the offset from here on: one whose commit failed may be tried again after another log was found.
        self._done.update({place: (self._next[place], self._looks.logs.get(place[0], "")) for place in self._given})
        self._forget_batch()

    def _forget_batch(self) -> None:
        self._given.clear()
        self._next.clear()
        self._idle.set()

    def _refuse_if_lost(self) -> None:
        if self._lost:
            self._lost = False
            raise LeaseLost(self._group)

    async def _commit(self) -> None:
        done, self._done = self._done, {}
        if not done:
            return
        with reaching():
            try:
                async with asyncio.timeout(_COMMITTING):
                    await self._consumer.commit({TopicPartition(*place): reached for place, reached in done.items()})
            except (CommitFailedError, IllegalStateError):
                self._lost = True
            except BaseException:
                self._done = done | self._done
                raise
