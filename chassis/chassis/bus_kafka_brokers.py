"""Asking Kafka's brokers how far partitions go, how far a group is and which log a topic is: what a reader believes of it may be over."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.cluster import ClusterMetadata
from aiokafka.errors import KafkaError

from chassis import bus_kafka_topics
from chassis.bus import BusUnavailable, Offsets, Place, Received

_BREATH = 0.1
"""Seconds between two questions for the same metadata, as Kafka's own client keeps them."""
_LONGEST_BREATH = 1.0
_STOPPING = 5.0
_LETTING_GO = 0.5
"""Seconds for the end of a connection that only asks: nothing of it must be finished."""

Client = TypeVar("Client", AIOKafkaConsumer, AIOKafkaProducer)


@dataclass(frozen=True, slots=True)
class Stand:
    """What a group has committed for a partition."""

    offset: int
    """The next to read; -1 when it has said nothing yet."""
    log: str
    """Which log the offset counts in; empty when whoever committed it did not say."""


class Brokers:
    """Asks for offsets; connects when first asked, and anew after a failure."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Prepare; nothing connects yet.

        Args:
            options: As `chassis.kafka_address.KafkaAddress.options` gives them.
        """
        self._options = options
        self._asking = asyncio.Lock()
        self._consumer: AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None
        self._client: AIOKafkaClient | None = None

    async def ends(self, places: Sequence[Place]) -> Offsets:
        """Per partition the offset after its last record."""
        async with self._asked():
            if self._consumer is None:
                self._consumer = unhurried(AIOKafkaConsumer(**self._options, group_id=None, enable_auto_commit=False))
                await self._consumer.start()
            found = await self._consumer.end_offsets([TopicPartition(*place) for place in places])
        return {(each.topic, each.partition): offset for each, offset in found.items()}

    async def committed(self, group: str) -> Offsets:
        """Per partition the offset from which the group goes on."""
        async with self._asked():
            found = await (await self._administrator()).list_consumer_group_offsets(group)
        return {(each.topic, each.partition): reached.offset for each, reached in found.items() if reached.offset >= 0}

    async def stands(self, group: str, places: Collection[Place]) -> Mapping[Place, Stand]:
        """What the group has committed, for each of these partitions."""
        async with self._asked():
            asked = [TopicPartition(*place) for place in places]
            found = await (await self._administrator()).list_consumer_group_offsets(group, partitions=asked)
            if found.keys() != set(asked):
                # A coordinator that is still loading the group answers as if nobody had committed anything.
                raise BusUnavailable(retry_after=1)
        return {(each.topic, each.partition): Stand(reached.offset, reached.metadata or "") for each, reached in found.items()}

    async def logs(self, topics: Collection[str]) -> Mapping[str, str]:
        """Which log each of these topics is; without those that are not there."""
        async with self._asked():
            if self._client is None:
                self._client = AIOKafkaClient(**self._options)
                await self._client.bootstrap()
            return await bus_kafka_topics.ids(self._client, topics)

    async def stop(self) -> None:
        """Disconnect."""
        async with self._asking:
            await self._let_go()

    async def _administrator(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            self._admin = AIOKafkaAdminClient(**self._options)
            await self._admin.start()
        return self._admin

    @contextlib.asynccontextmanager
    async def _asked(self) -> AsyncIterator[None]:
        async with self._asking:
            try:
                with reaching():
                    yield
            except BaseException:
                # Cut short, too: half an answer may lie in the connection.
                await self._let_go()
                raise

    async def _let_go(self) -> None:
        consumer, self._consumer = self._consumer, None
        admin, self._admin = self._admin, None
        client, self._client = self._client, None
        await stop(consumer, patience=_LETTING_GO)
        for each in (admin, client):
            if each is not None:
                await _ended(each.close(), patience=_LETTING_GO)


@contextlib.contextmanager
def reaching() -> Iterator[None]:
    """Turn what the library raises into `BusUnavailable`.

    Raises:
        BusUnavailable: The brokers did not answer, or refused.
    """
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise BusUnavailable(retry_after=1) from error


def unhurried(client: Client, /) -> Client:
    """The same client, which asks who leads its partitions ten times a second at most, once a second while a topic of its is gone.

    The library asks again as soon as it is answered, for as long as a partition has no leader: while topics were gone, five services and
    their broker took two cores, all that their machine had, from whoever was putting them back.
    """
    wire = client.client if isinstance(client, AIOKafkaProducer) else client._client  # noqa: SLF001 - it takes no client of ours
    ask, asked_at, breath = wire._metadata_update, float("-inf"), _BREATH  # noqa: SLF001 - the one place through which all of them pass

    async def ask_at_times(cluster: ClusterMetadata, topics: Collection[str] | None) -> bool:
        nonlocal asked_at, breath
        if cluster is not wire.cluster:
            return bool(await ask(cluster, topics))
        loop = asyncio.get_running_loop()
        if (rest := asked_at + breath - loop.time()) > 0:
            await asyncio.sleep(rest)
        asked_at = loop.time()
        answered = bool(await ask(cluster, topics))
        # Partitions without a leader find one in a moment; a topic that is gone comes back when somebody makes it.
        is_gone = answered and not all(cluster.partitions_for_topic(topic) for topic in topics or ())
        breath = min(breath * 2, _LONGEST_BREATH) if is_gone else _BREATH
        return answered

    wire._metadata_update = ask_at_times  # noqa: SLF001
    return client


async def stop(client: AIOKafkaProducer | AIOKafkaConsumer | None, *, patience: float = _STOPPING) -> None:
    """Stop a client; one that waits for brokers that are away is let go."""
    if client is None:
        return
    await _ended(client.stop(), patience=patience)


async def _ended(ending: Coroutine[Any, Any, None], *, patience: float) -> None:
    task = asyncio.create_task(ending, name="stop a client")
    task.add_done_callback(_forget)
    # Only waited for: aiokafka takes a cancellation for itself and goes on waiting, with us inside.
    await asyncio.wait({task}, timeout=patience)
    task.cancel()


def _forget(stopped: "asyncio.Task[None]") -> None:
    if not stopped.cancelled():
        stopped.exception()


def received(message: Any) -> Received:
    """A record as aiokafka gives it."""
    key = None if message.key is None else message.key.decode(errors="replace")
    return Received(message.topic, message.partition, message.offset, key, message.value, tuple(message.headers))
