"""What is to be done at an instant: a row that fires once, in the same transaction as its effect.

An effect that cannot be taken back may have a gate: until the gate opens, the row stays due and is asked again every second.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic

from sqlalchemy import ARRAY, DateTime, Text, bindparam, func, or_, select, tuple_, update

from chassis.crash import crash_point
from chassis.database import C, Tx, is_transient, lock, outlived
from chassis.logs import get_logger
from chassis.tables import TIMERS
from chassis.tracing import traced
from chassis.writing import Conflict, Rows
from contracts.refusals import Refusal
from contracts.values import JsonObject

AT_ONCE = 50
"""Due timers looked at in one transaction."""

_EVERY = 0.5
_ASK_AGAIN = timedelta(seconds=1)
_LONGEST_REST = timedelta(minutes=1)

_log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """One thing to be done."""

    timer_id: str
    kind: str
    key: str
    """Under whose lock it fires."""
    due: datetime
    """UTC; the date of the effect, however late it happens."""
    body: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerKind(Generic[C]):
    """What happens when a timer of a kind is due."""

    kind: str
    fire: Callable[[Tx[C], Timer], Awaitable[None]]
    """The effect; the row is removed in the same transaction."""
    gate: Callable[[Tx[C], Timer], Awaitable[bool]] | None = None
    """False while facts that could still stop the effect may be on their way."""


async def set_timer(tx: Tx[Any], *, timer_id: str, kind: str, key: str, due: datetime, body: JsonObject | None = None) -> None:
    """Set a timer, or set it anew under the same id; the caller holds the key's lock."""
    tx.write(_TIMERS, {"timer_id": timer_id, "kind": kind, "key": key, "due": due, "body": body or {}})


async def cancel_timer(tx: Tx[Any], timer_id: str) -> None:
    """Take a timer back; nothing when it fired or was never set. The caller holds the key's lock."""
    tx.remove(_TIMERS, {"timer_id": timer_id})


async def list_timers(
    tx: Tx[Any], *, kinds: Collection[str], since: datetime, until: datetime, after: Timer | None, limit: int
) -> tuple[Timer, ...]:
    """Timers that are set, in the order in which they fall due.

    Args:
        tx: Any transaction.
        kinds: Of these kinds.
        since: Due from then on.
        until: Due by then, inclusive.
        after: The last one of the page before.
        limit: Most.
    """
    place = (TIMERS.c.due, TIMERS.c.timer_id)
    statement = select(TIMERS).where(TIMERS.c.kind.in_(sorted(kinds)), TIMERS.c.due.between(since, until)).order_by(*place).limit(limit)
    if after is not None:
        statement = statement.where(tuple_(*place) > tuple_(after.due, after.timer_id))
    return tuple(_timer(row) for row in await tx.execute(statement))


class Timers(Generic[C]):
    """Fires what is due; several processes may do so at the same time."""

    def __init__(self, context: C, kinds: Sequence[TimerKind[C]]) -> None:
        self._context = context
        self._kinds: Mapping[str, TimerKind[C]] = {kind.kind: kind for kind in kinds}
        self._fired = context.metrics.counter("timers_fired", "Timers that took effect", labels=("kind",))
        self._failed = context.metrics.counter("timers_failed", "Tries of a timer that failed", labels=("kind",))
        self.trouble: str | None = None
        """What keeps timers from firing just now, for the health page; None when nothing does."""

    @property
    def kinds(self) -> Collection[str]:
        """The kinds it fires."""
        return self._kinds.keys()

    async def run(self) -> None:
        """Fire until cancelled; what goes wrong is tried again."""
        while True:
            found = 0
            try:
                found = await self.fire_due()
                self.trouble = None
            except Exception as error:  # noqa: BLE001 - whatever it is, the timers must go on
                self.trouble = type(error).__name__
                _log.warning("timers.wait", error=self.trouble)
            if found < AT_ONCE:
                await self._wait()

    async def fire_due(self) -> int:
        """Look once at what is due and fire it; how many timers were looked at."""
        async with self._context.database.consume(self._context) as tx:
            found = [_timer(row) for row in await tx.execute(_DUE, self._instants(tx))]
        if not found:
            return 0
        try:
            await self._fire(found)
        except Exception as error:
            if is_transient(error) and not outlived(error):
                raise
            for timer in found:
                await self._fire_alone(timer)
        return len(found)

    async def _fire(self, timers: Sequence[Timer]) -> None:
        fired: list[str] = []
        with traced(service=self._context.name):
            async with self._context.database.consume(self._context) as tx:
                # The key before the row, as everybody who sets or takes back a timer does.
                await lock(tx, *(timer.key for timer in timers))
                for candidate in timers:
                    # Read only now: the effect of the timer before may have taken this one back.
                    row = (await tx.execute(_CLAIM, self._instants(tx) | {"timer": candidate.timer_id})).one_or_none()
                    if row is None:
                        continue
                    timer = _timer(row)
                    kind = self._kinds[timer.kind]
                    if kind.gate is not None and not await kind.gate(tx, timer):
                        await tx.execute(_LATER, {"timer": timer.timer_id, "at": datetime.now(UTC) + _ASK_AGAIN})
                        continue
                    await cancel_timer(tx, timer.timer_id)
                    await kind.fire(tx, timer)
                    fired.append(timer.kind)
                crash_point("in-timer")
        for kind_name in fired:
            self._fired.labels(kind_name).inc()

    async def _fire_alone(self, timer: Timer) -> None:
        try:
            await self._fire([timer])
        except Exception as error:
            if is_transient(error) and not await self._context.database.blames_work(error):
                raise
            self._failed.labels(timer.kind).inc()
            reason = error.RULE if isinstance(error, Refusal) else type(error).__name__
            _log.error("timer.failed", kind=timer.kind, timer=timer.timer_id, exc_info=error)
            async with self._context.database.consume(self._context) as tx:
                failures = await tx.connection.scalar(_FAILED, {"timer": timer.timer_id, "reason": reason}) or 1
                rest = min(_ASK_AGAIN * 2 ** min(failures, 10), _LONGEST_REST)
                await tx.execute(_LATER, {"timer": timer.timer_id, "at": datetime.now(UTC) + rest})

    async def _wait(self) -> None:
        offset, deadline = self._context.now.offset, asyncio.get_running_loop().time() + _EVERY
        # The clock may be moved by hand; a look costs nothing.
        while asyncio.get_running_loop().time() < deadline and self._context.now.offset == offset:  # noqa: ASYNC110
            await asyncio.sleep(_EVERY / 5)

    def _instants(self, tx: Tx[C]) -> dict[str, object]:
        return {"now": tx.at, "real": datetime.now(UTC), "kinds": sorted(self._kinds)}


def _timer(row: Any) -> Timer:
    return Timer(timer_id=row.timer_id, kind=row.kind, key=row.key, due=row.due, body=row.body)


_TIMERS = Rows(TIMERS, conflict=Conflict.REPLACE, columns=("timer_id", "kind", "key", "due", "body"))
_DUE_NOW = (
    TIMERS.c.due <= bindparam("now", type_=DateTime(timezone=True)),
    or_(TIMERS.c.next_try.is_(None), TIMERS.c.next_try <= bindparam("real", type_=DateTime(timezone=True))),
    TIMERS.c.kind == func.any(bindparam("kinds", type_=ARRAY(Text))),
)
_DUE = select(TIMERS).where(*_DUE_NOW).order_by(TIMERS.c.due).limit(AT_ONCE)
_CLAIM = select(TIMERS).where(*_DUE_NOW, TIMERS.c.timer_id == bindparam("timer", type_=Text))
_LATER = update(TIMERS).where(TIMERS.c.timer_id == bindparam("timer")).values(next_try=bindparam("at", type_=DateTime(timezone=True)))
_FAILED = (
    update(TIMERS)
    .where(TIMERS.c.timer_id == bindparam("timer"))
    .values(failures=TIMERS.c.failures + 1, error=bindparam("reason", type_=Text))
    .returning(TIMERS.c.failures)
)
