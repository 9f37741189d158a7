"""The bench beside the services on the log: it hears what happens to cases, and sees how far the services have heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from bench.rig import HEARING
from chassis.bus import Offsets, Place, Received
from chassis.bus_kafka import KafkaBus
from chassis.kafka_address import KafkaAddress
from contracts.event import CASE_EVENTS, CREDENTIAL_EVENTS, Event

LOOK = 0.2
"""Seconds between two looks at how far a service has heard."""


@asynccontextmanager
async def listening(bootstrap: str) -> AsyncIterator[KafkaBus]:
    """The log, as the services see it."""
    bus = KafkaBus(KafkaAddress(bootstrap=bootstrap))
    await bus.start()
    try:
        yield bus
    finally:
        await bus.stop()


async def behind(bus: KafkaBus, ends: Offsets | None = None) -> dict[str, int]:
    """Records that each service has not yet heard. Offsets are committed once a second, so a busy one shows up to a second of them.

    Args:
        bus: The log.
        ends: Where the topics end; now when None.
    """
    ends = await bus.ends((CASE_EVENTS, CREDENTIAL_EVENTS)) if ends is None else ends
    lag = {}
    for group in HEARING:
        heard = await bus.committed(group)
        # A service that hears nothing of a topic commits nothing there.
        lag[group] = sum(max(0, ends[place] - heard[place]) for place in ends if place in heard)
    return lag


@dataclass(slots=True)
class _Case:
    told: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, asyncio.Future[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Heard:
    place: Place
    offset: int
    case_id: str
    kind: str
    subject: str


class Ear:
    """Hears events of cases from now on and wakes whoever waits for one.

    An event on which somebody acts at a service is told when that service has heard it, too, as its work list would show it. That is read
    off the offsets its group committed, so it comes up to a second late, and costs the service nothing.
    """

    def __init__(self, bus: KafkaBus, kinds: Mapping[type[Event], str | None]) -> None:
        """Prepare.

        Args:
            bus: The log.
            kinds: What to hear, and the service that must have heard it first.
        """
        self._bus = bus
        self._kinds = {kind.TYPE.encode(): (kind.TYPE, service) for kind, service in kinds.items()}
        self._cases: dict[str, _Case] = {}
        self._later: dict[str, list[_Heard]] = {service: [] for service in kinds.values() if service}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._following = await self._bus.follow(CASE_EVENTS, await self._bus.ends((CASE_EVENTS,)))
        self._tasks = [asyncio.create_task(self._read()), *(asyncio.create_task(self._release(service)) for service in self._later)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._following.close()

    async def hear(self, case_id: str, kind: type[Event], *, patience: float = 120.0) -> str:
        """Wait for an event of a case; its subject. At once when it was heard before.

        Raises:
            TimeoutError: It never came.
        """
        case = self._cases.setdefault(case_id, _Case())
        if kind.TYPE in case.told:
            return case.told[kind.TYPE]
        waiting: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        case.waiting[kind.TYPE] = waiting
        for task in self._tasks:
            if task.done():
                # Nothing more will be heard, and why is better known than that nothing came.
                task.result()
        async with asyncio.timeout(patience):
            return await waiting

    def forget(self, case_id: str) -> None:
        """Nobody will ask for this case again."""
        self._cases.pop(case_id, None)

    async def _read(self) -> None:
        while True:
            for record in await self._following.batch():
                self._take(record)

    def _take(self, record: Received) -> None:
        headers = dict(record.headers)
        kind, service = self._kinds.get(headers.get("ce_type", b""), ("", None))
        if not kind:
            return
        heard = _Heard(record.place, record.offset, record.key or "", kind, headers["ce_subject"].decode())
        if service is None:
            self._tell(heard)
        else:
            self._later[service].append(heard)

    async def _release(self, service: str) -> None:
        while True:
            await asyncio.sleep(LOOK)
            if not self._later[service]:
                continue
            reached = await self._bus.committed(service)
            waiting, self._later[service] = self._later[service], []
            for heard in waiting:
                if heard.offset < reached.get(heard.place, 0):
                    self._tell(heard)
                else:
                    self._later[service].append(heard)

    def _tell(self, heard: _Heard) -> None:
        case = self._cases.setdefault(heard.case_id, _Case())
        case.told[heard.kind] = heard.subject
        waiting = case.waiting.pop(heard.kind, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(heard.subject)
