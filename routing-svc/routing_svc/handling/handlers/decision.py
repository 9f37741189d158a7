"""The decision, its seal, and the ends of a handling."""

from datetime import date, datetime

from contracts.events import DecisionSealed, NoticeSealed
from contracts.values import CaseId, Json, Outcome, PersonRef
from routing_svc.clock import handlers as clocks
from routing_svc.clock.domain import STOPPED_BY_SUSPENSION
from routing_svc.context import RoutingTx
from routing_svc.handling import store
from routing_svc.handling.domain import OUTCOMES, Act, GroundsMissing, Handling, NotOpened
from routing_svc.handling.handlers.desk import check_version, load, record_act, write
from routing_svc.notice.domain import NoticeKind, decision_lines
from routing_svc.notice.handlers import put_seal, remedies_against
from routing_svc.timeline.domain import STAFF_ONLY, EntryKind


async def decide(
    tx: RoutingTx,
    act: Act,
    *,
    outcome: Outcome,
    grounds: tuple[str, ...],
    reason: str,
    conditions: str,
    valid_until: date | None,
) -> Handling:
    """Decide, by somebody who did nothing else on the case; in force when sealed.

    Law: 行政许可法 §37, §38.
    """
    handling = await load(tx, act, "decide", needs_version=False)
    handling.refuse_decider(act.caller.ref)
    check_version(handling, act)
    lines = decision_lines(
        outcome=OUTCOMES[outcome],
        grounds=_published_grounds(tx, handling, grounds),
        reason=reason,
        conditions=conditions,
        valid_until=valid_until,
        remedies=remedies_against(tx, handling.sealed_as) if outcome is not Outcome.GRANTED else None,
    )
    notice = await write(tx, handling, NoticeKind.DECISION, lines)
    handling.decide(at=tx.at, by=act.caller.ref, outcome=outcome, grounds=grounds, notice=notice, valid_until=valid_until)
    await clocks.meet(tx, handling.case_id, *STOPPED_BY_SUSPENSION, at=tx.at)
    await record_act(tx, handling, EntryKind.DECIDED, by=act.caller.ref, audience=STAFF_ONLY, facts={"outcome": OUTCOMES[outcome]})
    await store.save_handlings(tx, [handling])
    return handling


async def withdraw(tx: RoutingTx, case_id: CaseId, *, by: PersonRef | None) -> Handling | None:
    """Let the applicant take the application back, if nothing ended the matter before; ``None`` while nobody has signed for it."""
    handling = await store.get_handling(tx, case_id)
    if handling is not None:
        handling.withdraw(at=tx.at, by=by)
        await store.save_handlings(tx, [handling])
    return handling


async def give_back(tx: RoutingTx, case_id: CaseId, *, acceptance_due: datetime) -> None:
    """End a handling whose case the organ gives back before acceptance."""
    handling = await store.get_handling(tx, case_id)
    if handling is None:
        raise NotOpened
    handling.terminate(at=tx.at, acceptance_due=acceptance_due)
    await store.save_handlings(tx, [handling])


async def deliver(tx: RoutingTx, case_id: CaseId, *, delivery_id: str, means: str, by: PersonRef | None) -> None:
    """Note that the result is in the applicant's hands; the handling has ended."""
    handling = await store.get_handling(tx, case_id)
    if handling is None:
        raise NotOpened
    handling.delivered(at=tx.at, delivery_id=delivery_id, means=means, by=by)
    await store.save_handlings(tx, [handling])


async def put_in_force(tx: RoutingTx, event: DecisionSealed) -> Handling | None:
    """Put a decision in force under its seal; ``None`` when this is not the decision that waits for one."""
    handling = await store.get_handling(tx, event.case_id)
    if handling is None or not await put_seal(tx, event.case_id, event.notice_id, seal=event.seal, at=event.at):
        return None
    credential = event.credential_id
    if handling.outcome is None or not handling.decision_sealed(
        at=event.at, decision=event.decision, notice_id=event.notice_id, credential_id=credential
    ):
        return None
    facts = {"outcome": OUTCOMES[handling.outcome]}
    await record_act(tx, handling, EntryKind.IN_FORCE, at=event.at, facts=facts)
    await store.save_handlings(tx, [handling])
    return handling


async def on_notice_sealed(tx: RoutingTx, event: NoticeSealed) -> None:
    """Put the act of a notice in force; a refusal of acceptance then ends the case."""
    if not await put_seal(tx, event.case_id, event.notice_id, seal=event.seal, at=event.at):
        return
    handling = await store.get_handling(tx, event.case_id)
    if handling is not None and handling.sealed(at=event.at, notice_id=event.notice_id):
        await store.save_handlings(tx, [handling])


def _published_grounds(tx: RoutingTx, handling: Handling, codes: tuple[str, ...]) -> list[tuple[str, str]]:
    parts = tx.context.catalogue.parts(handling.case.version_id)
    published = {} if parts is None else {code: (reason, law) for code, reason, law in parts.texts.denial_grounds}
    unknown = [code for code in codes if code not in published]
    if unknown:
        raise GroundsMissing(facts={"published": list[Json](published)})
    return [published[code] for code in codes]
