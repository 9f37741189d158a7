"""Traces of access: who opened personal data, and who tried what they may not.

They go to the log like any event, in a transaction of their own where the request's has ended or was rolled back. Without its trace there is
no answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import DBAPIError

from chassis import outbox, tracing
from chassis.bus import BusTrouble
from chassis.context import Context
from chassis.database import Tx, lock
from chassis.logs import get_logger
from chassis.outbox import Outgoing
from contracts.caller import Caller, CallerKind
from contracts.events import AccessEvent, AccessRefused, PersonalDataRead
from contracts.refusals import Forbidden, Unavailable
from contracts.values import NATION, PersonRef

_log = get_logger()


class TraceNotWritten(Unavailable):
    """The trace could not be written, so nothing is shown."""

    RULE = "unavailable.trace"
    ZH = "访问痕迹无法记录,暂不能提供数据,请稍后再试"
    EN = "The trace of this access could not be recorded, so nothing is shown; try again shortly"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTrace:
    """One opening of personal data."""

    aggregate: str
    action: str
    about: str
    """Id of what was opened; for a search its purpose-bound name, never what was searched for."""
    purpose: str


async def put_reads(tx: Tx[Any], caller: Caller, traces: Sequence[ReadTrace]) -> None:
    """Write traces of reading inside a transaction that writes anyway."""
    await _put(tx, _reads(tx, caller, traces))


async def write_traces(
    context: Context, caller: Caller, traces: Sequence[ReadTrace] = (), *, refused: Sequence[Forbidden] = (), route: str
) -> None:
    """Write traces of reading and of refusals in a transaction of their own; that of the request has ended or was rolled back.

    Raises:
        TraceNotWritten: They could not be written.
    """
    try:
        async with context.database.begin(context) as tx:
            await _put(tx, [*_reads(tx, caller, traces), *_refusals(tx, caller, refused, route=route)])
    except (Unavailable, DBAPIError, OSError, BusTrouble) as error:
        _log.error("trace.failed", exc_info=error)
        raise TraceNotWritten from error


def name_of(context: Context, caller: Caller) -> PersonRef:
    """The caller as a trace names it: officers and machines by account, a person by a keyed hash."""
    if caller.kind is CallerKind.PERSON:
        return PersonRef(f"person|{context.vault.lookup(caller.ref)}")
    return caller.ref


def _reads(tx: Tx[Any], caller: Caller, traces: Sequence[ReadTrace]) -> list[AccessEvent]:
    who = name_of(tx.context, caller)
    return [
        PersonalDataRead(
            at=tx.at,
            trace_id=tracing.trace_id(),
            caller=who,
            aggregate=trace.aggregate,
            action=trace.action,
            about=trace.about,
            region=caller.region or NATION,
            purpose=trace.purpose,
        )
        for trace in traces
    ]


def _refusals(tx: Tx[Any], caller: Caller, refused: Sequence[Forbidden], *, route: str) -> list[AccessEvent]:
    who = name_of(tx.context, caller)
    return [
        AccessRefused(
            at=tx.at,
            trace_id=tracing.trace_id(),
            caller=who,
            aggregate=str(each.facts.get("aggregate", "route")),
            action=str(each.facts.get("action", route)),
            about=str(each.facts.get("about", "")),
            region=caller.region or NATION,
            rule_id=each.RULE,
        )
        for each in refused
    ]


async def _put(tx: Tx[Any], events: Sequence[AccessEvent]) -> None:
    await lock(tx, *(event.key for event in events))
    await outbox.put(tx, [Outgoing(event=event, sequence=number) for number, event in enumerate(events, start=1)])
    await tx.flush()
    for event in events:
        # The caller cannot wait for a trace: nobody shows it back.
        tx.positions.pop(event.key, None)
