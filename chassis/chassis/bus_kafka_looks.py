"""Looking whether the log under a reader is still the one it began to read.

A topic that was lost and made anew counts its offsets from 0: a reader that goes on where it stood misses what stands before. So the topic's
id stands beside every offset that is kept (committed by a group, stored by who follows), and a reader asks for the ids now and then. Only the
first makes it safe: what was read between two looks was kept under the id of the first, and is known to be of another log whenever somebody
goes on from it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TypeVar

from chassis.bus import BusUnavailable
from chassis.bus_kafka_brokers import Brokers, reaching
from chassis.logs import get_logger

EVERY = 1.0
"""Seconds after which a reader looks again before it gives out records: one small request a second under load, one when a quiet topic speaks.

No operator loses a topic, makes it anew and fills it past where somebody stood in less. Were it done, for as long records from amid the new
log would be given out, and after them all of it from the beginning.
"""

QUIET = 5.0
"""Seconds between two looks of a reader that finds nothing: it may stand just where the new log ends."""

_ATTEMPT = 2.0
_PATIENCE = 6.0
_AGAIN = 0.1

T = TypeVar("T")

_log = get_logger()


class Looks:
    """What one reader knows of the logs it reads."""

    def __init__(self, brokers: Brokers, topics: Collection[str], *, remade: Callable[[], None]) -> None:
        """Prepare; nothing is known yet.

        Args:
            brokers: Whom to ask.
            topics: What it reads.
            remade: Called whenever the reader goes back to a topic's beginning.
        """
        self._brokers = brokers
        self._remade = remade
        self._topics = topics
        self._looked_at = float("-inf")
        self.logs: dict[str, str] = {}
        """Which log each topic is; a topic that is gone keeps the last."""

    def is_due(self, *, found: bool) -> bool:
        """Whether to look now.

        Args:
            found: There are records to be given out.
        """
        return asyncio.get_running_loop().time() >= self._looked_at + (EVERY if found else QUIET)

    async def ask(self) -> Mapping[str, str]:
        """Which log each topic is now; without those that are gone.

        Raises:
            BusUnavailable: Nobody said so within some seconds.
        """
        return await answered(lambda: self._brokers.logs(self._topics))

    async def ask_once(self) -> Mapping[str, str]:
        """Which log each topic is now, as far as a broker says so at once; else none, and the next look is not due before five seconds.

        Whatever is read meanwhile is kept under the logs that were known. While all topics are gone the next look is due in a second.
        """
        try:
            logs = await answered(lambda: self._brokers.logs(self._topics), patience=0)
        except BusUnavailable:
            # One that does not answer may not take its time from every second.
            self._looked_at = asyncio.get_running_loop().time() + QUIET - EVERY
            return {}
        if not logs:
            self._looked_at = asyncio.get_running_loop().time() - QUIET + EVERY
        return logs

    def learn(self, logs: Mapping[str, str]) -> frozenset[str]:
        """Know these, if any; the topics that were known as other logs before."""
        if logs:
            self._looked_at = asyncio.get_running_loop().time()
        others = frozenset(topic for topic, log in logs.items() if self.logs.get(topic, log) != log)
        self.logs.update(logs)
        return others

    def tell(self, topic: str, *, partitions: int) -> None:
        """Say that the reader goes back to the beginning."""
        _log.warning("bus.log_remade", topic=topic, count=partitions)
        self._remade()


async def answered(ask: Callable[[], Awaitable[T]], *, patience: float = _PATIENCE) -> T:
    """What the brokers say; one of several may be away, and the next time another is asked.

    Args:
        ask: Asks one of them.
        patience: Seconds after which it is not tried again.

    Raises:
        BusUnavailable: None said anything.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + patience
    while True:
        try:
            with reaching():
                async with asyncio.timeout(_ATTEMPT):
                    return await ask()
        except BusUnavailable:
            if loop.time() >= until:
                raise
            await asyncio.sleep(_AGAIN)
