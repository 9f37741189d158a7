"""Whether things flow through a service: what waits to be sent, to be heard, to be done at an instant, for a person."""

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from time import time
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import DateTime, bindparam, distinct, func, select, tuple_

from chassis.bus import Bus, Offsets
from chassis.context import Context
from chassis.database import Database, Tx
from chassis.figures import MOST, Figure, Look, Reading
from chassis.health import Health
from chassis.metrics import Metrics
from chassis.outbox import STANDS_BACK
from chassis.tables import OUTBOX, PARKED, TIMERS, WATERMARKS

_READY = Figure(name="service_ready", text="1 while this check of /readyz is well, else 0", labels=("check",))
_TROUBLE = Figure(name="part_trouble", text="1 while something keeps this part from going on, else 0; /readyz names it", labels=("part",))
_USED = Figure(name="database_connections_used", text="Connections of the pool in use at this moment", labels=("pool",))
_LIMIT = Figure(name="database_connections_limit", text="Connections the pool may have", labels=("pool",))
_LAG = Figure(name="consumer_lag_records", text="Records of the topic that the service's group has not handled yet", labels=("topic",))
_FOLLOWED = Figure(name="follow_lag_records", text="Records of a followed topic that this process does not know yet", labels=("topic",))
_UNSENT = Figure(name="outbox_unsent_rows", text=f"Outbox rows that the log has not acknowledged; {MOST} means at least as many")
_UNSENT_AGE = Figure(name="outbox_oldest_seconds", text="Seconds since the oldest unsent outbox row was written; 0 when none waits")
_PARKED = Figure(name="parked_events", text="Events that wait for a person, by why they were parked", labels=("reason",))
_HELD = Figure(name="parked_keys", text="Keys whose events wait for a person, each with its later ones")
_PARKED_AGE = Figure(name="parked_oldest_seconds", text="Seconds since the oldest event that still waits was parked; 0 when none does")
_LATE = Figure(name="timers_late", text=f"Timers that are due and have not fired; {MOST} means at least as many", labels=("kind",))
_LATE_AGE = Figure(name="timers_late_seconds", text="Seconds by which the longest due timer is late; 0 when none is", labels=("kind",))
_FAILING = Figure(name="timers_failing", text="Due timers whose last try failed", labels=("kind",))
_BEHIND = Figure(
    name="heard_behind_seconds",
    text="Seconds by which what was heard of a service stands back: its relay, the log and this consumer together",
    labels=("source", "topic"),
)


class Reads(Protocol):
    """Who follows topics, and how far it is."""

    @property
    def topics(self) -> Collection[str]:
        """What is followed."""

    @property
    def offsets(self) -> Offsets:
        """Per partition the next offset to be taken into memory."""


def parts_look(health: Health, *, database: Database | None = None) -> Look:
    """What this process says of itself; asks the engines no more than ``/readyz`` does."""

    async def read() -> Mapping[str, Reading]:
        pools = {} if database is None else database.connections()
        return {
            _READY.name: {(check,): float(found == "ok") for check, found in (await health.ask()).items()},
            _TROUBLE.name: {(name,): float(part.trouble is not None) for name, part in health.parts.items()},
            _USED.name: {(pool,): float(used) for pool, (used, _) in pools.items()},
            _LIMIT.name: {(pool,): float(limit) for pool, (_, limit) in pools.items()},
        }

    return Look(name="parts", figures=(_READY, _TROUBLE, *(() if database is None else (_USED, _LIMIT))), read=read)


def remade_counter(metrics: Metrics) -> Callable[[], None]:
    """Counts, for the process's bus, how often a reader found another log under it."""
    return metrics.counter("bus_logs_remade", "Times a reader found another log in place of a topic's and read it from its beginning").inc


def followed_look(bus: Bus, follower: Reads) -> Look:
    """How far this process knows what it follows."""

    async def read() -> Mapping[str, Reading]:
        return {_FOLLOWED.name: _lag(await bus.ends(follower.topics), reached=follower.offsets)}

    return Look(name="followed", figures=(_FOLLOWED,), read=read)


def heard_look(bus: Bus, *, group: str, topics: Collection[str]) -> Look:
    """How far the service has heard what it subscribes to; what was handled within the last second may still count."""

    async def read() -> Mapping[str, Reading]:
        reached = await bus.committed(group)
        return {_LAG.name: _lag(await bus.ends(topics), reached=reached)}

    return Look(name="heard", figures=(_LAG,), read=read)


def waiting_look(context: Context, *, kinds: Collection[str] = ()) -> Look:
    """What waits in the service's database: six statements, each by index and bounded, some 2 ms together.

    Args:
        context: The running service.
        kinds: Its kinds of timers, told as 0 while none is late.
    """

    async def read() -> Mapping[str, Reading]:
        async with context.database.read(context) as tx:
            return {**await _unsent(tx), **await _parked(tx), **await _timers(tx, kinds), **await _behind(tx)}

    return Look(name="waiting", figures=(_UNSENT, _UNSENT_AGE, _PARKED, _HELD, _PARKED_AGE, _LATE, _LATE_AGE, _FAILING, _BEHIND), read=read)


def _lag(ends: Offsets, *, reached: Offsets) -> Reading:
    lag: dict[tuple[str, ...], float] = {}
    for (topic, partition), end in ends.items():
        lag[topic,] = lag.get((topic,), 0.0) + max(end - reached.get((topic, partition), 0), 0)
    return lag


async def _unsent(tx: Tx[Any]) -> Mapping[str, Reading]:
    waiting = await tx.connection.scalar(_COUNT_UNSENT)
    oldest = await tx.connection.scalar(_OLDEST_UNSENT)
    # An event may carry an instant that lies back, its id tells when it was written.
    age = 0.0 if oldest is None else max(time() - (UUID(oldest).int >> 80) / 1000, 0.0)
    return {_UNSENT.name: {(): float(waiting or 0)}, _UNSENT_AGE.name: {(): age}}


async def _parked(tx: Tx[Any]) -> Mapping[str, Reading]:
    rows = (await tx.execute(_BY_REASON, {"consumer": tx.context.name})).all()
    age = max((_seconds(tx.at - row.since) for row in rows), default=0.0)
    held = await tx.connection.scalar(_HELD_KEYS, {"consumer": tx.context.name})
    return {
        _PARKED.name: {(row.reason,): float(row.waiting) for row in rows},
        _HELD.name: {(): float(held or 0)},
        _PARKED_AGE.name: {(): age},
    }


async def _timers(tx: Tx[Any], kinds: Collection[str]) -> Mapping[str, Reading]:
    late: dict[tuple[str, ...], float] = {(kind,): 0.0 for kind in kinds}
    age, failing = dict(late), dict(late)
    for row in await tx.execute(_BY_KIND, {"now": tx.at}):
        late[row.kind,], age[row.kind,], failing[row.kind,] = float(row.waiting), _seconds(tx.at - row.since), float(row.failing)
    return {_LATE.name: late, _LATE_AGE.name: age, _FAILING.name: failing}


async def _behind(tx: Tx[Any]) -> Mapping[str, Reading]:
    rows = await tx.execute(_HEARD_UNTIL)
    return {_BEHIND.name: {(row.service, row.topic): _seconds(tx.at - row.until - STANDS_BACK) for row in rows}}


def _seconds(age: timedelta) -> float:
    return max(age.total_seconds(), 0.0)


_COUNT_UNSENT = select(func.count()).select_from(select(OUTBOX.c.position).limit(MOST).subquery())
_OLDEST_UNSENT = select(OUTBOX.c.id).order_by(OUTBOX.c.position).limit(1)
_waiting = (
    select(PARKED.c.reason, PARKED.c.at, PARKED.c.topic, PARKED.c.key)
    .where(PARKED.c.consumer == bindparam("consumer"), PARKED.c.state == "parked")
    .order_by(PARKED.c.topic, PARKED.c.key, PARKED.c.parked_id)
    .limit(MOST)
    .subquery()
)
_BY_REASON = select(_waiting.c.reason, func.count().label("waiting"), func.min(_waiting.c.at).label("since")).group_by(_waiting.c.reason)
_HELD_KEYS = select(func.count(distinct(tuple_(_waiting.c.topic, _waiting.c.key))))
_due = (
    select(TIMERS.c.kind, TIMERS.c.due, TIMERS.c.failures)
    .where(TIMERS.c.due <= bindparam("now", type_=DateTime(timezone=True)))
    .order_by(TIMERS.c.due)
    .limit(MOST)
    .subquery()
)
_BY_KIND = select(
    _due.c.kind,
    func.count().label("waiting"),
    func.min(_due.c.due).label("since"),
    func.count().filter(_due.c.failures > 0).label("failing"),
).group_by(_due.c.kind)
_HEARD_UNTIL = select(WATERMARKS.c.service, WATERMARKS.c.topic, func.min(WATERMARKS.c.until).label("until")).group_by(
    WATERMARKS.c.service, WATERMARKS.c.topic
)
