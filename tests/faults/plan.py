"""Which strikes, in which order: drawn from a seed, so that a run can be had again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults import strikes
from tests.faults.migrations import PASSINGS, migration
from tests.faults.strikes import Strike
from tests.faults.table import BOUND
from tests.faults.toxics import SLOW
from tests.faults.watch import LONGEST

SERVICES = ("catalog", "intake", "routing", "credential", "gateway")
SENDING = ("intake", "routing", "credential")
MIGRATING = ("intake", "routing", "credential", "catalog")

POINTS = {
    "after-commit-before-send": SENDING,
    "after-send-before-mark": SENDING,
    "after-effect-before-offset": SENDING,
    "relay-handover": ("intake", "routing", "credential", "catalog"),
    "in-sealing": ("credential",),
    "in-timer": ("routing",),
}
"""Crash points and the services that pass them under load."""

PASSED_OFTEN = ("after-commit-before-send", "after-send-before-mark", "after-effect-before-offset", "in-sealing")
"""Points at which the first, the second, … passing may be the one that kills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of everything."""

    points: Sequence[str]
    """Crash points."""
    each_point: int
    """Crashes at each of them."""
    migrations: int
    """Migrations killed at work."""
    kills: int
    """SIGKILLs of services in all, at least."""
    freezes: int
    broker_away: Sequence[float]
    """Seconds."""
    kills_while_away: int
    """During the longest absence of the broker."""
    more_while_away: int
    """Cases that may be under way then beside the usual number: applications are received whether the broker is there or not."""
    postgres: int
    """Rounds of restart, kill -9 and cut connections."""
    postgres_away: float
    network: float
    """Seconds of each kind of bad network; none when 0."""
    unruly: float
    late_clock: float
    disk_full: float
    """Seconds each disk is full; none when 0."""
    bound: float
    """Seconds within which the line must be well again; a small run on a crowded machine only asks that it becomes so."""
    quiet: float
    """Seconds in which everything must have ended after the last strike."""


FULL = Scale(
    points=tuple(POINTS),
    each_point=5,
    migrations=5,
    kills=200,
    freezes=5,
    broker_away=(60.0, 600.0),
    kills_while_away=90,
    more_while_away=450,
    postgres=2,
    postgres_away=30.0,
    network=20.0,
    unruly=30.0,
    late_clock=20.0,
    disk_full=15.0,
    bound=BOUND,
    quiet=240.0,
)
SMALL = Scale(
    points=("after-send-before-mark", "after-effect-before-offset", "in-timer"),
    each_point=1,
    migrations=1,
    kills=12,
    freezes=0,
    broker_away=(4.0,),
    kills_while_away=0,
    more_while_away=0,
    postgres=0,
    postgres_away=2.0,
    network=0.0,
    unruly=0.0,
    late_clock=0.0,
    disk_full=0.0,
    bound=LONGEST,
    quiet=240.0,
)


def draw(scale: Scale, *, chance: random.Random, poisoned: set[str]) -> tuple[list[Strike], Strike]:
    """All strikes but the kills at random that fill up to the number wanted; beside them the last, the longest absence of the broker.

    Args:
        scale: How many.
        chance: Decides services, passings and order.
        poisoned: Takes the keys under which poison was put.
    """
    crashes = _crashes(scale, chance)
    others = [*_engines(scale), *_habits(scale, chance, poisoned)]
    others += [migration(MIGRATING[turn % len(MIGRATING)], passing=chance.choice(PASSINGS)) for turn in range(scale.migrations)]
    others += [strikes.bad_network(name, seconds=scale.network) for name in SLOW if scale.network]
    others += [strikes.disk_full(engine, seconds=scale.disk_full) for engine in ("kafka", "postgres") if scale.disk_full]
    others += [strikes.broker_away(seconds) for seconds in sorted(scale.broker_away)[:-1]]
    found: list[Strike] = []
    chance.shuffle(others)
    # In turns, so that a run that is cut short has met some of each.
    while crashes or others:
        found += crashes[:1] + others[:2]
        del crashes[:1], others[:2]
    meanwhile = chance.choices(SERVICES, k=scale.kills_while_away)
    return found, strikes.broker_away(max(scale.broker_away), kills=meanwhile)


def more_kills(chance: random.Random, *, wanted: int) -> Strike:
    """Two to five services at a moment, never more than are wanted."""
    return strikes.kill(chance.sample(SERVICES, k=min(wanted, chance.randint(2, 5))))


def _crashes(scale: Scale, chance: random.Random) -> list[Strike]:
    """Each point as often as is wanted, by turns at the services that pass it; different services at the same time."""
    queues: dict[str, list[str]] = {}
    for turn, point in enumerate(scale.points):
        for number in range(scale.each_point):
            nth = f":{chance.randint(1, 4)}" if point in PASSED_OFTEN else ""
            service = POINTS[point][(turn + number) % len(POINTS[point])]
            queues.setdefault(service, []).append(point + nth)
    for queue in queues.values():
        chance.shuffle(queue)
    found = []
    while any(queues.values()):
        found.append(strikes.crash({service: queue.pop() for service, queue in queues.items() if queue}))
    return found


def _engines(scale: Scale) -> list[Strike]:
    found = [strikes.postgres_away(scale.postgres_away)]
    for _ in range(scale.postgres):
        found += [strikes.postgres_away(0.2), strikes.postgres_killed(), strikes.connections_cut()]
    return found


def _habits(scale: Scale, chance: random.Random, poisoned: set[str]) -> list[Strike]:
    found = [strikes.freeze(chance.choice(SERVICES), seconds=chance.uniform(5, 20)) for _ in range(scale.freezes)]
    found += [strikes.poisoned(unreadable=unreadable, poisoned_keys=poisoned) for unreadable in (True, False)]
    if scale.unruly:
        for way in ("twice", "shuffled"):
            found.append(strikes.unruly(way, seconds=scale.unruly, kills=chance.choices(SENDING, k=4)))
    if scale.late_clock:
        found += [strikes.late_clock(service, seconds=scale.late_clock) for service in ("routing", "intake")]
    return found
