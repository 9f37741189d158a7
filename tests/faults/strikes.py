"""What is done to the system: each strike strikes, waits as long as it must, and says when the thing was back."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.faults.feeder import Feeder
from tests.faults.poison import OPERATOR, clear, poison, until_parked
from tests.faults.rig import Rig
from tests.faults.toxics import SLOW

DIES_WITHIN = 90.0
"""Seconds until a service must have come to its crash point."""

DAYS = "P2D"
"""How far time is let pass so that timers fire; timers that came due meanwhile are what the crash point waits for."""

LEAVING = 6.0
"""Seconds in which some cases are left alone, so that something comes due."""

LETTING_PASS = 12.0
"""Seconds after which more time is let pass when no timer fired."""


@dataclass(frozen=True, slots=True)
class Struck:
    """The system, and who feeds it."""

    rig: Rig
    feeder: Feeder


Act = Callable[[Struck], Awaitable[float]]
"""Strikes; answers the instant (monotonic seconds) at which what was taken away was back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One blow."""

    faults: tuple[str, ...]
    """Its lines in the table; several where several things are struck at the same time."""
    act: Act


def crash(points: Mapping[str, str]) -> Strike:
    """Services die at named places of their code, each at its own: killed, come back armed, dead there, back.

    Args:
        points: Crash point by service, with the passing that kills.
    """

    async def act(struck: Struck) -> float:
        timers = any(point.startswith("in-timer") for point in points.values())
        if timers:
            struck.feeder.leave.set()
            await asyncio.sleep(LEAVING)
        passing = asyncio.create_task(_let_time_pass(struck)) if timers else None
        try:
            return max(await asyncio.gather(*(_crash(struck.rig, service, point) for service, point in points.items())))
        finally:
            struck.feeder.leave.clear()
            if passing is not None:
                passing.cancel()

    return Strike(faults=tuple(f"kill -9 {point.partition(':')[0]}" for point in points.values()), act=act)


async def _crash(rig: Rig, service: str, point: str) -> float:
    since = time.monotonic()
    rig.armed[service] = point
    rig.kill(service, why="to arm a crash point")
    armed_at = await rig.started_since(service, since)
    try:
        return await rig.started_since(service, armed_at, seconds=DIES_WITHIN)
    except TimeoutError:
        raise AssertionError(f"{service} never came to {point}") from None


def kill(services: Sequence[str]) -> Strike:
    """Services die anywhere, together."""

    async def act(struck: Struck) -> float:
        since = time.monotonic()
        for service in services:
            struck.rig.kill(service, why="at random")
        return max([await struck.rig.started_since(service, since) for service in services])

    return Strike(faults=("kill -9 at random",), act=act)


def freeze(service: str, *, seconds: float) -> Strike:
    """A service stands still, its connections and leases open, and goes on."""

    async def act(struck: Struck) -> float:
        process = struck.rig.system[service]
        process.tell(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        process.tell(signal.SIGCONT)
        return time.monotonic()

    return Strike(faults=("SIGSTOP 5–20 s",), act=act)


def broker_away(seconds: float, *, of: int = 1, broker: int = 1, kills: Sequence[str] = ()) -> Strike:
    """One of so many brokers is killed and comes back later; meanwhile services may die too."""

    async def act(struck: Struck) -> float:
        away = asyncio.create_task(struck.rig.engines.end_kafka(away=seconds, broker=broker))
        for service in kills:
            await asyncio.sleep(seconds / (len(kills) + 1))
            struck.rig.kill(service, why="at random")
        return await away

    who = "the broker" if of == 1 else f"one of {of} brokers"
    return Strike(faults=(f"{who} away {seconds:g} s{', services killed meanwhile' if kills else ''}",), act=act)


def postgres_away(seconds: float) -> Strike:
    """The database server ends at once, as in a crash, and comes back later."""
    return Strike(
        faults=(f"PostgreSQL {f'away {seconds:g} s' if seconds >= 1 else 'restarted'}",),
        act=lambda struck: struck.rig.engines.end_postgres(signal.SIGQUIT, away=seconds),
    )


def postgres_killed() -> Strike:
    """The database server is killed with -9."""
    return Strike(faults=("PostgreSQL kill -9",), act=lambda struck: struck.rig.engines.end_postgres(signal.SIGKILL, away=0.5))


def connections_cut() -> Strike:
    """Every connection to the database is ended by the server."""

    async def act(struck: Struck) -> float:
        cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity where pid <> pg_backend_pid() and datname like 'faults%'"
        await asyncio.to_thread(struck.rig.engines.postgres.query, cut)
        return time.monotonic()

    return Strike(faults=("PostgreSQL connections cut",), act=act)


def bad_network(name: str, *, seconds: float) -> Strike:
    """The way to both engines is bad for a while."""

    async def act(struck: Struck) -> float:
        assert struck.rig.network is not None
        assert name in SLOW
        await asyncio.to_thread(struck.rig.network.spoil, name)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(struck.rig.network.mend)
        return time.monotonic()

    return Strike(faults=(f"network: {name}",), act=act)


def unruly(way: str, *, seconds: float, kills: Sequence[str] = ()) -> Strike:
    """Every service hears a log that gives everything twice, or keys in any order; services die meanwhile."""

    async def act(struck: Struck) -> float:
        rig = struck.rig
        for service in ("intake", "routing", "credential"):
            await rig.restart(service, bus_unruly=way)
        for service in (*kills, ""):
            await asyncio.sleep(seconds / (len(kills) + 1))
            if service:
                rig.kill(service, why="at random")
        for service in ("intake", "routing", "credential"):
            await rig.restart(service, bus_unruly="")
        return time.monotonic()

    return Strike(faults=({"twice": "every event twice", "shuffled": "keys in random order"}[way],), act=act)


def late_clock(service: str, *, seconds: float) -> Strike:
    """One service's clock is 3 s late for a while."""

    async def act(struck: Struck) -> float:
        await struck.rig.restart(service, clock_behind="3")
        await asyncio.sleep(seconds)
        await struck.rig.restart(service, clock_behind="0")
        return time.monotonic()

    return Strike(faults=("a service's clock 3 s behind",), act=act)


def poisoned(*, unreadable: bool, poisoned_keys: set[str]) -> Strike:
    """An event that nobody can take stands under the key of a living case; it is seen, discarded by the operator, and the case goes on."""

    async def act(struck: Struck) -> float:
        key = await _living(struck.feeder)
        poisoned_keys.add(key)
        await poison(struck.rig.bootstrap, key=key, unreadable=unreadable)
        desk = struck.feeder.desk
        await until_parked(desk, key=key, services=("intake", "routing", "credential") if unreadable else ("routing", "credential"))
        await asyncio.sleep(3)
        discarded = await clear(desk, key=key, reasons=("unreadable", "malformed", "unknown-version"))
        assert discarded, f"nothing of {key} was parked"
        return time.monotonic()

    return Strike(faults=(f"poison: {'bytes that do not parse' if unreadable else 'an unknown version'}",), act=act)


def disk_full(engine: str, *, seconds: float) -> Strike:
    """An engine's disk is full for a while; an engine that ends over that is started again once there is room."""
    named = {"kafka": "the log's disk full", "postgres": "the database's disk full"}[engine]
    return Strike(faults=(named,), act=lambda struck: struck.rig.engines.fill_disk(engine, full=seconds))


async def _let_time_pass(struck: Struck) -> None:
    while True:
        await struck.feeder.desk.ask(OPERATOR, "POST", "/dev/now", body={"forward": DAYS}, key=f"forward-{time.monotonic_ns()}")
        await asyncio.sleep(LETTING_PASS)


async def _living(feeder: Feeder) -> str:
    """A case that was received just now and has most of its life before it."""
    count = len(feeder.received)
    async with asyncio.timeout(DIES_WITHIN):
        while len(feeder.received) == count:  # noqa: ASYNC110 - a look costs nothing
            await asyncio.sleep(0.05)
    return feeder.received[-1][1]
