"""Reading a whole Kafka topic, by nobody's leave and without a group."""

from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis.bus import BusUnavailable, Offsets, Place, Received
from chassis.bus_kafka_brokers import Brokers, reaching, received, stop, unhurried
from chassis.bus_kafka_looks import Looks

_FOLLOWED_RARELY = 5_000
"""Milliseconds a broker keeps the question of who follows a topic on which nothing happens."""


class KafkaFollowing:
    """A reading of a whole Kafka topic."""

    def __init__(self, options: Mapping[str, Any], *, brokers: Brokers, topic: str, partitions: int, remade: Callable[[], None]) -> None:
        self._topic = topic
        self._partitions = [TopicPartition(topic, number) for number in range(partitions)]
        self._consumer = unhurried(
            AIOKafkaConsumer(
                **options,
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                # The broker answers at once when something comes; until then it holds the question, and idle readers cost nothing.
                fetch_max_wait_ms=_FOLLOWED_RARELY,
            )
        )
        self._looks = Looks(brokers, [topic], remade=remade)
        self._ends: dict[Place, int] = {}
        self._offsets: dict[Place, int] = {}

    async def begin(self, offsets: Offsets, *, log: str) -> None:
        """Find the ends and stand at the offsets; at the beginnings where they count in another log than there is.

        Raises:
            BusUnavailable: The brokers are away, or the topic is gone.
        """
        with reaching():
            try:
                await self._learn_log()
                await self._consumer.start()
                self._consumer.assign(self._partitions)
                ends = await self._consumer.end_offsets(self._partitions)
                starts = await self._consumer.beginning_offsets(self._partitions)
            except BaseException:
                await self._consumer.stop()
                raise
        if log not in {"", self.log}:
            self._looks.tell(self._topic, partitions=len(self._partitions))
            offsets = {}
        for partition in self._partitions:
            place = (partition.topic, partition.partition)
            # The broker may have removed what stood there, and a log that was made anew may end before it.
            start = min(max(offsets.get(place, 0), starts[partition]), ends[partition])
            self._consumer.seek(partition, start)
            self._ends[place], self._offsets[place] = ends[partition], start

    @property
    def ends(self) -> Offsets:
        """Where the topic ended when the reading began."""
        return self._ends

    @property
    def offsets(self) -> Offsets:
        """The next offsets."""
        return self._offsets

    @property
    def log(self) -> str:
        """The topic's id when it was last looked at."""
        return self._looks.logs[self._topic]

    async def batch(self, *, limit: int = 500, wait: float = 0.5) -> list[Received]:
        """The next records."""
        with reaching():
            found = await self._consumer.getmany(timeout_ms=int(wait * 1000), max_records=limit)
            if self._looks.is_due(found=bool(found)) and await self._is_another():
                return []
            for partition in self._partitions:
                self._offsets[partition.topic, partition.partition] = await self._consumer.position(partition)
        return [received(message) for messages in found.values() for message in messages]

    async def close(self) -> None:
        """Stop reading."""
        await stop(self._consumer)

    async def _learn_log(self) -> None:
        logs = await self._looks.ask()
        if self._topic not in logs:
            raise BusUnavailable(facts={"topic": self._topic}, retry_after=1)
        self._looks.learn(logs)

    async def _is_another(self) -> bool:
        """Whether the topic was made anew since it was looked at before; it is then read from its beginning."""
        others = self._looks.learn(await self._looks.ask_once())
        if not others:
            return False
        self._looks.tell(self._topic, partitions=len(self._partitions))
        for partition in self._partitions:
            # What was there before the oldest record leads to that one.
            self._consumer.seek(partition, 0)
            self._offsets[partition.topic, partition.partition] = 0
        return True
