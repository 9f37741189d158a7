"""Asking Kafka's brokers how far partitions go and how far a group is: what a member believes of itself ends with the member."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from chassis.bus import BusUnavailable, Offsets, Place, Received

_STOPPING = 5.0
_LETTING_GO = 0.5
"""Seconds for the end of a connection that only asks: nothing of it must be finished."""


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

    async def ends(self, places: Sequence[Place]) -> Offsets:
        """Per partition the offset after its last record."""
        async with self._asked():
            if self._consumer is None:
                self._consumer = AIOKafkaConsumer(**self._options, group_id=None, enable_auto_commit=False)
                await self._consumer.start()
            found = await self._consumer.end_offsets([TopicPartition(*place) for place in places])
        return {(each.topic, each.partition): offset for each, offset in found.items()}

    async def committed(self, group: str) -> Offsets:
        """Per partition the offset from which the group goes on."""
        async with self._asked():
            if self._admin is None:
                self._admin = AIOKafkaAdminClient(**self._options)
                await self._admin.start()
            found = await self._admin.list_consumer_group_offsets(group)
        return {(each.topic, each.partition): reached.offset for each, reached in found.items() if reached.offset >= 0}

    async def stop(self) -> None:
        """Disconnect."""
        async with self._asking:
            await self._let_go()

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
        await stop(consumer, patience=_LETTING_GO)
        if admin is not None:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(_LETTING_GO):
                    await admin.close()


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


async def stop(client: AIOKafkaProducer | AIOKafkaConsumer | None, *, patience: float = _STOPPING) -> None:
    """Stop a client; one that waits for brokers that are away is let go."""
    if client is None:
        return
    stopping = asyncio.create_task(client.stop(), name="stop a client")
    stopping.add_done_callback(_forget)
    # Only waited for: aiokafka takes a cancellation for itself and goes on waiting, with us inside.
    await asyncio.wait({stopping}, timeout=patience)
    stopping.cancel()


def _forget(stopped: "asyncio.Task[None]") -> None:
    if not stopped.cancelled():
        stopped.exception()


def received(message: Any) -> Received:
    """A record as aiokafka gives it."""
    key = None if message.key is None else message.key.decode(errors="replace")
    return Received(message.topic, message.partition, message.offset, key, message.value, tuple(message.headers))
