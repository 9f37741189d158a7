"""Sealing and issuing: asks intake while no transaction is open, then locks the case, looks again, and writes the effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from chassis.figures import Figure, Look, Reading
from chassis.logs import get_logger
from contracts.values import NoticeId
from credential_svc.context import Credential
from credential_svc.credential import handlers
from credential_svc.credential.handlers import Ready
from credential_svc.credential.outside import IntakeAway, Person
from credential_svc.seal import handlers as seals
from credential_svc.seal.domain import Sealing, WaitingFor

AT_ONCE = 50
"""Notices in one transaction, and cases in one question to intake, at most."""
EVERY = 0.2
"""Seconds between two looks when nothing wakes the job.

What wakes it is an event of its own process: where another process of this service heard the decision, the seal waits for the next look. An
empty look is one query by index, five of them a second cost less than a connection that listens.
"""
WATCHED = 1_000
"""Waiting sealings that are counted for whoever watches."""

_WAITING = Figure(
    name="sealings_waiting",
    text=f"Notices and decisions without their seal, by what they wait for; {WATCHED} altogether means at least as many",
    labels=("waiting_for",),
)
_OLDEST = Figure(name="sealings_oldest_seconds", text="Seconds since the act of the longest waiting one among those; 0 when none waits")
_FAILING = Figure(name="sealings_failing", text="Of those the ones that were tried so often that somebody must look; the case says so too")

_log = get_logger()


def looks(context: Credential) -> tuple[Look, ...]:
    """What waits for a seal, for whoever watches: one statement by index."""

    async def read() -> Mapping[str, Reading]:
        async with context.database.read(context) as tx:
            waiting = await seals.awaiting(tx, limit=WATCHED)
        by_reason = Counter(sealing.waiting_for for sealing in waiting)
        oldest = max(((tx.at - sealing.since).total_seconds() for sealing in waiting), default=0.0)
        return {
            _WAITING.name: {(reason.value,): float(by_reason[reason]) for reason in WaitingFor},
            _OLDEST.name: {(): max(oldest, 0.0)},
            _FAILING.name: {(): float(sum(sealing.needs_attention for sealing in waiting))},
        }

    return (Look(name="sealings", figures=(_WAITING, _OLDEST, _FAILING), read=read),)


async def seal_and_issue(context: Credential) -> int:
    """Seal what waits and can be sealed; how many were taken up, 0 when no more were due than one transaction holds.

    Another look at once would find nothing: whoever asks for a seal meanwhile wakes the job. What cannot be sealed now is tried again later
    and shows what it waits for; other cases flow meanwhile.
    """
    async with context.database.consume(context) as tx:
        due = await seals.due(tx, limit=AT_ONCE)
    if not due:
        return 0
    keyed = await seals.ready_keys(context, {sealing.organ for sealing in due})
    waiting: dict[NoticeId, WaitingFor] = {sealing.notice_id: WaitingFor.ORGAN for sealing in due if sealing.organ not in keyed}
    asked = [sealing for sealing in due if sealing.organ in keyed and sealing.issues]
    persons = await _ask(context, asked)
    waiting |= {sealing.notice_id: WaitingFor.PERSON for sealing in asked if sealing.notice_id not in persons}
    ready = [Ready(sealing=sealing, person=persons.get(sealing.notice_id)) for sealing in due if sealing.notice_id not in waiting]
    failed = await _write(context, ready)
    waiting |= dict.fromkeys(failed, WaitingFor.SEAL)
    if waiting:
        for reason, count in Counter(waiting.values()).items():
            _log.warning("sealing.postponed", reason=reason.value, count=count)
        async with context.database.consume(context) as tx:
            await seals.postpone(tx, waiting, [sealing for sealing in due if sealing.notice_id in waiting])
    return len(due) if len(due) == AT_ONCE else 0


async def _ask(context: Credential, sealings: Sequence[Sealing]) -> dict[NoticeId, Person]:
    if not sealings:
        return {}
    try:
        persons = await context.intake.persons({sealing.case_id for sealing in sealings})
    except IntakeAway:
        return {}
    return {sealing.notice_id: persons[sealing.case_id] for sealing in sealings if sealing.case_id in persons}


async def _write(context: Credential, ready: Sequence[Ready]) -> list[NoticeId]:
    """All in one transaction; when that fails, one by one; those that failed even so."""
    if not ready:
        return []
    try:
        async with context.database.consume(context) as tx:
            await handlers.seal_and_issue(tx, ready)
    except Exception as error:  # noqa: BLE001 - one notice that cannot be sealed must not hold up the others
        if len(ready) == 1:
            _log.warning("sealing.failed", key=ready[0].sealing.root_case_id, exc_info=error)
            return [ready[0].sealing.notice_id]
        return [notice for each in ready for notice in await _write(context, [each])]
    return []
