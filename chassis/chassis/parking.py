"""Events that could not take effect: kept in order, visible, replayed or discarded by a person, and that is recorded.

The first of a key holds back the later ones of its key and nothing else.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Text, bindparam, func, insert, select, update

from chassis.bus import Received
from chassis.context import Context
from chassis.database import Tx, is_transient, lock
from chassis.hearing import Heard, Hearing, Meaning
from chassis.logs import get_logger
from chassis.tables import PARKED
from chassis.tracing import traced
from contracts.refusals import Conflict, NotFound, Refusal
from contracts.values import PersonRef

RESTORED = "restored"
"""Reason of an event that the service itself had sent and its backup does not know."""

_HELD_EVERY = 3.0
"""Seconds."""

_log = get_logger()


class ParkedNotFound(NotFound):
    """There is no such parked event."""

    RULE = "parked.not-found"
    ZH = "没有这条搁置的事件"
    EN = "There is no such parked event"


class AlreadySettled(Conflict):
    """It was replayed or discarded before."""

    RULE = "parked.settled"
    ZH = "该事件已经重放或作废"
    EN = "This event was already replayed or discarded"


class StillUnreadable(Conflict):
    """This version of the software cannot read it either."""

    RULE = "parked.unreadable"
    ZH = "当前版本仍无法识别该事件"
    EN = "This version of the software cannot read the event either"


class ReplayFailed(Conflict):
    """It failed again; it and what comes after it in its key stay parked. ``facts`` names the event and the rule or error."""

    RULE = "parked.replay-failed"
    ZH = "重放失败,该事件及其后续事件仍被搁置"
    EN = "The replay failed; the event and the later ones of its key stay parked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """One parked event."""

    parked_id: int
    consumer: str
    topic: str
    key: str
    type: str
    event_id: str
    reason: str
    error: str
    at: datetime
    """When it was parked, UTC."""
    state: str
    """``parked``, ``replayed`` or ``discarded``."""
    settled_at: datetime | None = None
    settled_by: str | None = None


OnParked = Callable[[Tx[Any], Parked], Awaitable[None]]
"""Told in the same transaction that an event was parked."""


async def park(tx: Tx[Any], heard: Heard) -> Parked:
    """Put an event aside; the caller holds its key's lock."""
    row = {
        "consumer": tx.context.name,
        "topic": heard.record.topic,
        "partition": heard.record.partition,
        "offset": heard.record.offset,
        "key": heard.key,
        "type": heard.type,
        "event_id": heard.event_id,
        "headers": [[name, base64.b64encode(value).decode()] for name, value in heard.record.headers],
        "value": heard.record.value,
        "reason": heard.reason,
        "error": heard.error,
        "at": tx.at,
    }
    parked_id = (await tx.execute(insert(PARKED).returning(PARKED.c.parked_id), row)).scalar_one()
    _log.error("event.parked", position=parked_id, event_type=heard.type, reason=heard.reason, error=heard.error)
    return Parked(
        parked_id=parked_id,
        consumer=tx.context.name,
        topic=heard.record.topic,
        key=heard.key,
        type=heard.type,
        event_id=heard.event_id,
        reason=heard.reason,
        error=heard.error,
        at=tx.at,
        state="parked",
    )


async def parked_keys(tx: Tx[Any], *, topic: str, keys: Sequence[str]) -> frozenset[str]:
    """Which of these keys have parked events waiting: what they show is not the newest, and their custodian should know."""
    found = await tx.execute(_KEYS, {"consumer": tx.context.name, "topic": topic, "keys": list(keys)})
    return frozenset(found.scalars())


async def list_parked(tx: Tx[Any], *, limit: int, after: int | None = None) -> list[Parked]:
    """Parked events, settled ones too, oldest first; ``after`` is the last id of the page before."""
    statement = select(PARKED).where(PARKED.c.consumer == tx.context.name, PARKED.c.parked_id > (after or 0))
    return [_parked(row) for row in await tx.execute(statement.order_by(PARKED.c.parked_id).limit(limit))]


async def replay(context: Context, parked_id: int, *, by: PersonRef) -> int:
    """Let the parked events of this one's key take effect, in order, each in its own transaction under the key's lock; how many did.

    Raises:
        ParkedNotFound: There is none of this id.
        AlreadySettled: It is no longer parked.
        StillUnreadable: One of the key cannot be read by this version; it and those after it stay.
        ReplayFailed: One failed again; it and those after it stay.
    """
    async with context.database.read(context) as tx:
        wanted = await _get(tx, parked_id)
    hearing, replayed = Hearing(context.subscriptions), 0
    while await _replay_next(context, hearing=hearing, topic=wanted.topic, key=wanted.key, by=by):
        replayed += 1
    return replayed


async def discard(tx: Tx[Any], parked_id: int, *, by: PersonRef) -> None:
    """Give up one parked event for ever; those behind it stay parked until they are replayed.

    Raises:
        ParkedNotFound: There is none of this id.
        AlreadySettled: It is no longer parked.
    """
    wanted = await _get(tx, parked_id)
    await lock(tx, wanted.key, held_too=True)
    await _settle(tx, parked_id, state="discarded", by=by)
    held = await _held_keys(tx)
    tx.after_commit(lambda: _hold(tx.context, held))


async def hold(tx: Tx[Any], heard: Heard) -> None:
    """Put an event aside that only a person can settle: until it is discarded nothing is written under its key.

    One that is held already stays as it is; the caller holds its key's lock.
    """
    if await tx.connection.scalar(_IS_HELD, {"consumer": tx.context.name, "key": heard.key, "event_id": heard.event_id}) is None:
        await park(tx, replace(heard, meaning=Meaning.PARK, reason=RESTORED))


async def know_held(context: Context) -> None:
    """Have in memory what is held; each process once, before it acts."""
    async with context.database.read(context) as tx:
        context.held = await _held_keys(tx)


async def watch_held(context: Context) -> None:
    """Hear, until cancelled, of what a person settled in another process."""
    while True:
        await asyncio.sleep(_HELD_EVERY)
        await know_held(context)


async def _held_keys(tx: Tx[Any]) -> frozenset[str]:
    return frozenset((await tx.execute(_HELD, {"consumer": tx.context.name})).scalars())


def _hold(context: Context, held: frozenset[str]) -> None:
    context.held = held


async def _replay_next(context: Context, *, hearing: Hearing, topic: str, key: str, by: PersonRef) -> bool:
    async with context.database.consume(context) as tx:
        await lock(tx, key)
        row = (await tx.execute(_FIRST, {"consumer": context.name, "topic": topic, "key": key})).one_or_none()
        if row is None:
            return False
        heard = hearing.read(_received(row))
        if heard.meaning is Meaning.PARK:
            raise StillUnreadable(facts={"parked_id": row.parked_id, "reason": heard.reason})
        if heard.event is not None and heard.envelope is not None:
            tx.envelope = heard.envelope
            with traced(heard.envelope.traceparent, service=context.name):
                try:
                    await hearing.handlers[type(heard.event)](tx, heard.event)
                    # Whatever is refused at the writing is this event's failure too.
                    await tx.flush()
                except Exception as error:
                    if is_transient(error):
                        raise
                    again = error.RULE if isinstance(error, Refusal) else type(error).__name__
                    raise ReplayFailed(facts={"parked_id": row.parked_id, "error": again}) from error
        await _settle(tx, row.parked_id, state="replayed", by=by)
    return True


async def _get(tx: Tx[Any], parked_id: int) -> Parked:
    statement = select(PARKED).where(PARKED.c.consumer == tx.context.name, PARKED.c.parked_id == parked_id)
    row = (await tx.execute(statement)).one_or_none()
    if row is None:
        raise ParkedNotFound
    if row.state != "parked":
        raise AlreadySettled(facts={"state": row.state})
    return _parked(row)


async def _settle(tx: Tx[Any], parked_id: int, *, state: str, by: PersonRef) -> None:
    statement = update(PARKED).where(PARKED.c.parked_id == parked_id, PARKED.c.state == "parked")
    settled = await tx.execute(statement.values(state=state, settled_at=tx.at, settled_by=by))
    if settled.rowcount != 1:
        raise AlreadySettled
    _log.info("parked.settled", position=parked_id, state=state)


def _parked(row: Any) -> Parked:
    return Parked(
        parked_id=row.parked_id,
        consumer=row.consumer,
        topic=row.topic,
        key=row.key,
        type=row.type,
        event_id=row.event_id,
        reason=row.reason,
        error=row.error,
        at=row.at,
        state=row.state,
        settled_at=row.settled_at,
        settled_by=row.settled_by,
    )


def _received(row: Any) -> Received:
    headers = tuple((name, base64.b64decode(value)) for name, value in row.headers)
    return Received(row.topic, row.partition, row.offset, row.key, row.value, headers)


_WAITING = (PARKED.c.consumer == bindparam("consumer"), PARKED.c.state == "parked")
_HELD = select(PARKED.c.key).distinct().where(*_WAITING, PARKED.c.reason == RESTORED)
_IS_HELD = (
    select(PARKED.c.parked_id)
    .where(
        PARKED.c.consumer == bindparam("consumer"),
        PARKED.c.key == bindparam("key"),
        PARKED.c.event_id == bindparam("event_id"),
        PARKED.c.reason == RESTORED,
    )
    .limit(1)
)
_FIRST = (
    select(PARKED)
    .where(*_WAITING, PARKED.c.topic == bindparam("topic"), PARKED.c.key == bindparam("key"))
    .order_by(PARKED.c.parked_id)
    .limit(1)
)
_KEYS = (
    select(PARKED.c.key)
    .distinct()
    .where(*_WAITING, PARKED.c.topic == bindparam("topic"), PARKED.c.key == func.any(bindparam("keys", type_=ARRAY(Text))))
)
