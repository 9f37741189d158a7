"""What is done to the system: each strike strikes, waits as long as it must, and says when the thing was back and how it is known to have struck."""

from __future__ import annotations

import asyncio
import signal
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import psutil

from tests.faults.feeder import Feeder
from tests.faults.poison import HEARING, OPERATOR, clear, poison, until_parked
from tests.faults.rig import PREFIX, Rig
from tests.faults.toxics import SLOW

DIES_WITHIN = 180.0
"""Seconds until a service must have come to its crash point."""

DAYS = "P2D"
"""How far time is let pass so that timers fire; timers that came due meanwhile are what the crash point waits for."""

LEAVING = 6.0
"""Seconds in which some cases are left alone, so that something comes due."""

LETTING_PASS = 12.0
"""Seconds after which more time is let pass when no timer fired."""

AT_RANDOM = "kill -9 at random"

BEHIND = 3
"""Seconds by which a clock is late."""

SENDING = ("intake", "routing", "credential")

_INSTANTS = "select extract(epoch from at - sent_at) from sent where sent_at >= to_timestamp({since}) and topic = 'case.events.v1'"
"""How far the instants of events lie from their sending by the server's clock; all services share what was let pass in development."""


@dataclass(frozen=True, slots=True)
class Struck:
    """The system, and who feeds it."""

    rig: Rig
    feeder: Feeder


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """What a strike did."""

    back: float
    """When what was taken away was back, monotonic seconds."""
    times: int
    """How often it was seen to strike; 0 when it did nothing."""
    seen: str
    """What was counted."""


Act = Callable[[Struck], Awaitable[Landed]]
"""Strikes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One blow."""

    faults: tuple[str, ...]
    """Its lines in the table; several where several things are struck at the same time."""
    act: Act
    without_database: bool = False
    """Whether services cannot reach their database meanwhile: one that starts then may give up and be started again."""


def crash(points: Mapping[str, str]) -> Strike:
    """Services die at named places of their code, each at its own: killed, come back armed, dead there, back.

    Args:
        points: Crash point by service, with the passing that kills.
    """

    async def act(struck: Struck) -> Landed:
        timers = any(point.startswith("in-timer") for point in points.values())
        if timers:
            struck.feeder.leave.set()
            await asyncio.sleep(LEAVING)
        passing = asyncio.create_task(_let_time_pass(struck)) if timers else None
        try:
            back = max(await asyncio.gather(*(_crash(struck.rig, service, point) for service, point in points.items())))
            return Landed(back=back, times=len(points), seen="deaths by SIGKILL at the point")
        finally:
            struck.feeder.leave.clear()
            if passing is not None:
                passing.cancel()

    return Strike(faults=tuple(f"kill -9 {point.partition(':')[0]}" for point in points.values()), act=act)


async def _crash(rig: Rig, service: str, point: str) -> float:
    since, died = time.monotonic(), rig.crashes[service]
    rig.armed[service] = point
    rig.kill(service, why="to arm a crash point")
    armed_at = await rig.started_since(service, since)
    try:
        back = await rig.started_since(service, armed_at, seconds=DIES_WITHIN)
    except TimeoutError:
        raise AssertionError(f"{service} never came to {point}") from None
    assert rig.crashes[service] == died + 1, f"{service} did not die at {point} but otherwise"
    return back


def kill(services: Sequence[str]) -> Strike:
    """Services die anywhere, together."""

    async def act(struck: Struck) -> Landed:
        since = time.monotonic()
        killed = [service for service in services if struck.rig.kill(service, why="at random")]
        back = max([await struck.rig.started_since(service, since) for service in killed], default=since)
        return Landed(back=back, times=len(killed), seen="services killed")

    return Strike(faults=(AT_RANDOM,), act=act)


def freeze(service: str, *, seconds: float) -> Strike:
    """A service stands still, its connections and leases open, and goes on."""

    async def act(struck: Struck) -> Landed:
        process = struck.rig.system[service]
        process.tell(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        pid = process.pid
        stood = pid is not None and psutil.Process(pid).status() == psutil.STATUS_STOPPED
        process.tell(signal.SIGCONT)
        return Landed(back=time.monotonic(), times=int(stood), seen="stopped until told to go on")

    return Strike(faults=("SIGSTOP 5–20 s",), act=act)


def broker_away(seconds: float, *, of: int = 1, broker: int = 1, kills: Sequence[str] = ()) -> Strike:
    """One of so many brokers is killed and comes back later; meanwhile services may die too."""

    async def act(struck: Struck) -> Landed:
        away = asyncio.create_task(struck.rig.engines.end_kafka(away=seconds, broker=broker))
        for service in kills:
            await asyncio.sleep(seconds / (len(kills) + 1))
            struck.rig.kill(service, why="at random")
        back, gone = await away
        return Landed(back=back, times=int(gone), seen="no process of the broker until it was started again")

    who = "the broker" if of == 1 else f"one of {of} brokers"
    return Strike(faults=(f"{who} away {seconds:g} s{', services killed meanwhile' if kills else ''}",), act=act)


def _postgres_ended(number: signal.Signals, *, away: float, name: str) -> Strike:
    async def act(struck: Struck) -> Landed:
        back, gone = await struck.rig.engines.end_postgres(number, away=away)
        return Landed(back=back, times=int(gone), seen="another process of the server afterwards")

    return Strike(faults=(name,), act=act, without_database=True)


def postgres_away(seconds: float) -> Strike:
    """The database server ends at once, as in a crash, and comes back later."""
    return _postgres_ended(signal.SIGQUIT, away=seconds, name=f"PostgreSQL {f'away {seconds:g} s' if seconds >= 1 else 'restarted'}")


def postgres_killed() -> Strike:
    """The database server is killed with -9."""
    return _postgres_ended(signal.SIGKILL, away=0.5, name="PostgreSQL kill -9")


def connections_cut() -> Strike:
    """Every connection to the database is ended by the server."""

    async def act(struck: Struck) -> Landed:
        cut = """select count(*) filter (where pg_terminate_backend(pid)) from pg_stat_activity
            where pid <> pg_backend_pid() and datname like 'faults%'"""
        ended = await asyncio.to_thread(struck.rig.engines.postgres.query, cut)
        return Landed(back=time.monotonic(), times=int(ended), seen="connections that the server ended")

    return Strike(faults=("PostgreSQL connections cut",), act=act, without_database=True)


def bad_network(name: str, *, seconds: float) -> Strike:
    """The way to both engines is bad for a while."""

    async def act(struck: Struck) -> Landed:
        network = struck.rig.network
        assert network is not None
        assert name in SLOW
        await asyncio.to_thread(network.spoil, name)
        try:
            felt, _ = await asyncio.gather(network.felt(), asyncio.sleep(seconds))
        finally:
            await asyncio.to_thread(network.mend)
        return Landed(back=time.monotonic(), times=felt, seen="connections made meanwhile that broke or were slower")

    return Strike(faults=(f"network: {name}",), act=act, without_database=True)


def unruly(way: str, *, seconds: float, kills: Sequence[str] = ()) -> Strike:
    """Every service hears a log that gives everything twice, or keys in any order; services die meanwhile."""
    kind = {"twice": "repeated", "shuffled": "overtaken"}[way]

    async def act(struck: Struck) -> Landed:
        rig = struck.rig
        before = {service: rig.log_size(service) for service in HEARING}
        for service in HEARING:
            await rig.restart(service, bus_unruly=way)
        for service in (*kills, ""):
            await asyncio.sleep(seconds / (len(kills) + 1))
            if service:
                since = time.monotonic()
                rig.kill(service, why="at random")
                # A service that starts hears nothing: its start does not count into the seconds.
                await rig.started_since(service, since)
                await rig.ready(service)
        for service in HEARING:
            await rig.restart(service, bus_unruly="")
        told = [rig.logged(service, "log.unruly", kind=kind, after=before[service]) for service in HEARING]
        return Landed(back=time.monotonic(), times=min(told), seen=f"records {kind}, at the service with the fewest")

    return Strike(faults=({"twice": "every event twice", "shuffled": "keys in random order"}[way],), act=act)


def late_clock(service: str, *, seconds: float) -> Strike:
    """One service's clock is 3 s late for a while."""

    async def act(struck: Struck) -> Landed:
        rig = struck.rig
        await rig.restart(service, clock_behind=str(BEHIND))
        began = time.time()
        await asyncio.sleep(seconds)
        late = await asyncio.to_thread(_late, rig, service, since=began)
        await rig.restart(service, clock_behind="0")
        return Landed(back=time.monotonic(), times=late, seen="events with an instant that was over by 2 s and more")

    return Strike(faults=("a service's clock 3 s behind",), act=act)


def _late(rig: Rig, service: str, *, since: float) -> int:
    """How many events of a service bear an instant that lies too far before their sending; the other services' say how far is usual."""
    ahead: dict[str, list[float]] = {}
    for name in SENDING:
        found = rig.engines.postgres.query(_INSTANTS.format(since=since), database=f"{PREFIX}_{name}")
        ahead[name] = [float(each) for each in found.split()]
    others = [value for name, values in ahead.items() if name != service for value in values]
    usual = statistics.median(others) if others else 0.0
    return sum(1 for value in ahead[service] if value < usual - (BEHIND - 1)) if others else 0


def poisoned(*, unreadable: bool, poisoned_keys: set[str]) -> Strike:
    """An event that nobody can take stands under the key of a living case; it is seen, discarded by the operator, and the case goes on."""

    async def act(struck: Struck) -> Landed:
        key = await _living(struck.feeder)
        poisoned_keys.add(key)
        await poison(struck.rig.bootstrap, key=key, unreadable=unreadable)
        desk = struck.feeder.desk
        await until_parked(desk, key=key, services=HEARING if unreadable else ("routing", "credential"))
        await asyncio.sleep(3)
        discarded = await clear(desk, key=key, reasons=("unreadable", "malformed", "unknown-version"))
        return Landed(back=time.monotonic(), times=discarded, seen="events parked, seen and discarded")

    return Strike(faults=(f"poison: {'bytes that do not parse' if unreadable else 'an unknown version'}",), act=act)


def disk_full(engine: str, *, seconds: float) -> Strike:
    """An engine's disk is full for a while; an engine that ends over that is started again once there is room."""
    named = {"kafka": "the log's disk full", "postgres": "the database's disk full"}[engine]

    async def act(struck: Struck) -> Landed:
        back, met = await struck.rig.engines.fill_disk(engine, full=seconds)
        return Landed(back=back, times=int(met), seen="the engine ended over it or refused to write")

    return Strike(faults=(named,), act=act, without_database=engine == "postgres")


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
