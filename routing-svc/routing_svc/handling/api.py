"""Routes of the handling side: the work queue, and what officers do with a case that was signed for."""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.doors import READER, VERSION, WRITER, Answer, Reader, Writer, write_etag
from chassis.errands import Errand
from chassis.express import express
from chassis.paging import DEFAULT_LIMIT, Cursor, Limit, Pages
from contracts.caller import CallerKind
from contracts.events import DefectFound
from contracts.refusals import NotFound
from contracts.values import Outcome
from routing_svc.context import PUBLIC_ID, Routing, RoutingTx
from routing_svc.handling import handlers, store
from routing_svc.handling.domain import Act, Handling, HandlingState
from routing_svc.timeline.handlers import ACTS, anchored, find_case_for, seen_by
from rules.access import allows, tree

router = APIRouter(tags=["handlings"])

No = Annotated[str, Path(max_length=60, pattern=PUBLIC_ID, description="办件编号或 id / number or id of the case")]
Reason = Annotated[str, Field(min_length=1, max_length=2000)]


Version = Annotated[int, VERSION]
Write = Annotated[Writer[Routing], WRITER]


class Asked(BaseModel):
    """A request body; what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid")


class NotAccept(Asked):
    """Refuse acceptance."""

    ground: Literal["not_needed", "not_competent", "conditions"]
    reason: Reason
    competent_organ: Annotated[str, Field(max_length=100)] = ""
    """Code or name of the organ to apply to; required with ``not_competent``."""


class DefectTold(Asked):
    """One thing to be supplied."""

    pointer: Annotated[str, Field(max_length=200, pattern=r"^/(form|materials)/[0-9A-Za-z._-]{1,80}$")]
    """``/form/<field>`` or ``/materials/<code>`` of what the item's version asks for, e.g. ``/materials/premises_proof``."""
    rule: Annotated[str, Field(max_length=80, pattern=r"^[0-9A-Za-z._-]+$")] = "officer"
    """A rule of the item's checklist, or ``officer`` for what a person found."""
    text: Annotated[str, Field(min_length=1, max_length=500)]


class Correct(Asked):
    """Tell once everything to be supplied."""

    defects: Annotated[list[DefectTold], Field(min_length=1, max_length=50)]


class Suspend(Asked):
    """Stop the decision clocks for what does not count."""

    ground: Annotated[str, Field(max_length=40)]
    evidence: Reason
    workdays: Annotated[int, Field(ge=1, le=120)] = 20
    """How long it is expected to take."""


class Extend(Asked):
    """Give the organ more time."""

    reason: Reason


class Decide(Asked):
    """Decide."""

    outcome: Outcome
    grounds: Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=20)] = []
    """Codes of the item's published grounds; for a denial, also of a part."""
    reason: Annotated[str, Field(max_length=4000)] = ""
    valid_until: date | None = None
    """First day on which the credential holds no more."""
    conditions: Annotated[str, Field(max_length=2000)] = ""


class HandlingMoved(BaseModel):
    """What a move answers."""

    case_id: str
    case_no: str
    state: str
    awaiting_seal: str | None
    due: datetime | None
    version: int


class HandlingShown(HandlingMoved):
    """A handling as the work queue shows it."""

    item_code: str
    item_name: str
    version_id: str
    situation: str
    receiving_region: str
    receiving_organ: str
    handling_region: str
    handling_organ: str
    sealed_as: str
    """In whose name the organ acts; its own unless an instrument says otherwise."""
    transfer_id: str
    opened_at: datetime
    signed_by: str | None
    rounds: int
    supplements: int
    accepted_on: date | None
    deemed: bool
    suspended_for: str | None
    extended: bool
    decision: int
    outcome: str | None
    credential_id: str | None
    ending: str | None
    may_decide: bool
    """Whether this very caller could decide it now."""


class HandlingsShown(BaseModel):
    """A page of handlings, oldest first."""

    items: list[HandlingShown]
    next: str | None
    """Cursor of the next page; null on the last."""


@router.get("/handlings", operation_id="listHandlings", response_model=HandlingsShown)
async def list_handlings(
    read: Annotated[Reader[Routing], READER],
    state: Annotated[list[HandlingState] | None, Query(max_length=10)] = None,
    *,
    mine: bool = False,
    limit: Limit = DEFAULT_LIMIT,
    after: Cursor = "",
) -> Response:
    """The work queue of the caller's organ, and what supervisors see of it."""
    states = None if state is None else frozenset(state)
    pages = Pages(vault=read.context.vault, scope=("handlings", ",".join(sorted(states or ())), str(mine)))
    position = pages.position(after)
    found = await store.list_handlings(
        read.tx,
        tree(read.caller, "handling", "view", regions=read.context.catalogue),
        states=states,
        signed_by=read.caller.ref if mine else None,
        after=None if position is None else (datetime.fromisoformat(str(position[0])), str(position[1])),
        limit=limit + 1,
    )
    page = found[:limit]
    more = pages.cursor((page[-1].opened_at.isoformat(), page[-1].case_id)) if len(found) > limit else None
    return read.answer(HandlingsShown(items=[_show(each, read) for each in page], next=more))


@router.get("/handlings/{no}", operation_id="readHandling", response_model=HandlingShown)
@express
async def read_handling(no: No, read: Annotated[Reader[Routing], READER]) -> Response:
    """The handling of a case, with the version that a move must name."""
    case = await find_case_for(read.tx, no, caller=read.caller, aggregate="handling", action="view")
    handling = await store.get_handling(read.tx, case.case_id)
    if handling is None:
        raise NotFound
    return read.answer(_show(handling, read), etag=handling.version)


@router.post("/handlings/{no}/acceptance", operation_id="acceptCase", response_model=HandlingMoved)
@express
async def accept(no: No, write: Write, version: Version) -> Response:
    """受理 / accept the application; the decision clocks start the next working day."""

    async def act(tx: RoutingTx) -> Answer:
        return _moved(await handlers.accept(tx, Act(no=no, caller=write.caller, version=version)))

    return await ACTS(write, Errand(act, anchored(no, seen=seen_by(write, "handling"))))


@router.post("/handlings/{no}/non-acceptance", operation_id="refuseAcceptance", response_model=HandlingMoved)
async def not_accept(no: No, body: NotAccept, write: Write, version: Version) -> Response:
    """不予受理 / refuse acceptance with its ground."""

    async def act(tx: RoutingTx) -> Answer:
        who = Act(no=no, caller=write.caller, version=version)
        return _moved(await handlers.not_accept(tx, who, ground=body.ground, reason=body.reason, competent=body.competent_organ))

    return await ACTS(write, Errand(act, anchored(no, seen=seen_by(write, "handling"))))


@router.post("/handlings/{no}/correction-notice", operation_id="noticeCorrection", response_model=HandlingMoved)
async def correct(no: No, body: Correct, write: Write, version: Version) -> Response:
    """一次性告知补正 / tell once everything to be supplied."""

    async def act(tx: RoutingTx) -> Answer:
        who = Act(no=no, caller=write.caller, version=version)
        defects = [(DefectFound(rule_id=each.rule, pointer=each.pointer), each.text) for each in body.defects]
        return _moved(await handlers.correct(tx, who, defects=defects))

    return await ACTS(write, Errand(act, anchored(no, seen=seen_by(write, "handling"))))


@router.post("/handlings/{no}/suspension", operation_id="suspendHandling", response_model=HandlingMoved)
async def suspend(no: No, body: Suspend, write: Write, version: Version) -> Response:
    """中止计时 / stop the decision clocks for a hearing, a test or the like."""

    async def act(tx: RoutingTx) -> Answer:
        who = Act(no=no, caller=write.caller, version=version)
        return _moved(await handlers.suspend(tx, who, ground=body.ground, evidence=body.evidence, workdays=body.workdays))

    return await ACTS(write, Errand(act, anchored(no, seen=seen_by(write, "handling"))))


@router.post("/handlings/{no}/resumption", operation_id="resumeHandling", response_model=HandlingMoved)
async def resume(no: No, write: Write, version: Version) -> Response:
    """恢复计时 / let the decision clocks run again."""

    async def act(tx: RoutingTx) -> Answer:
        return _moved(await handlers.resume(tx, Act(no=no, caller=write.caller, version=version)))

    return await ACTS(write, Errand(act, anchored(no, seen=seen_by(write, "handling"))))


@router.post("/handlings/{no}/extension", operation_id="extendHandling", response_model=HandlingMoved)
async def extend(no: No, body: Extend, write: Write, version: Version) -> Response:
    """延长期限 / give the organ more time, once."""

    async def act(tx: RoutingTx) -> Answer:
        return _moved(await handlers.extend(tx, Act(no=no, caller=write.caller, version=version), reason=body.reason))

    return await ACTS(write, Errand(act, anchored(no, seen=seen_by(write, "handling"))))


@router.post("/handlings/{no}/decision", operation_id="decideCase", response_model=HandlingMoved)
@express
async def decide(no: No, body: Decide, write: Write, version: Version) -> Response:
    """决定 / decide, by somebody who did nothing else on the case."""

    async def act(tx: RoutingTx) -> Answer:
        moved = await handlers.decide(
            tx,
            Act(no=no, caller=write.caller, version=version),
            outcome=body.outcome,
            grounds=tuple(body.grounds),
            reason=body.reason,
            conditions=body.conditions,
            valid_until=body.valid_until,
        )
        return _moved(moved)

    return await ACTS(write, Errand(act, anchored(no, seen=seen_by(write, "handling"))))


def _moved(handling: Handling) -> Answer:
    moved = HandlingMoved(
        case_id=handling.case_id,
        case_no=handling.case.case_no,
        state=handling.state.value,
        awaiting_seal=handling.awaiting_seal,
        due=handling.due,
        version=handling.version,
    )
    return Answer(status=200, body=moved, headers={"ETag": write_etag(handling.version)})


def _show(handling: Handling, read: Reader[Routing]) -> HandlingShown:
    may = tree(read.caller, "handling", "decide", regions=read.context.catalogue)
    decides = handling.state is HandlingState.ACCEPTED and handling.awaiting_seal is None
    # Until the seal a decision is none to the applicant.
    told = read.caller.kind is not CallerKind.PERSON or handling.awaiting_seal is None
    return HandlingShown(
        case_id=handling.case_id,
        case_no=handling.case.case_no,
        state=handling.state.value,
        awaiting_seal=handling.awaiting_seal,
        due=handling.due,
        version=handling.version,
        item_code=handling.case.item_code,
        item_name=handling.item.name,
        version_id=handling.case.version_id,
        situation=handling.case.situation,
        receiving_region=handling.case.region,
        receiving_organ=handling.case.receiving_organ,
        handling_region=handling.region,
        handling_organ=handling.organ,
        sealed_as=handling.sealed_as,
        transfer_id=handling.transfer_id,
        opened_at=handling.opened_at,
        signed_by=handling.signed_by if read.caller.kind is not CallerKind.PERSON else None,
        rounds=len(handling.rounds),
        supplements=handling.supplements,
        accepted_on=handling.accepted_on,
        deemed=handling.deemed,
        suspended_for=handling.suspended_for,
        extended=handling.extended,
        decision=handling.decision,
        outcome=handling.outcome.value if handling.outcome is not None and told else None,
        credential_id=handling.credential_id,
        ending=None if handling.ending is None else handling.ending.value,
        may_decide=decides and allows(may, store.row_of(handling)) and read.caller.ref not in handling.may_not_decide,
    )
