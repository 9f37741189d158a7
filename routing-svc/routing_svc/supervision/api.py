"""Routes of supervision: cards and traces, by region subtree."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel

from chassis.doors import READER, Reader
from chassis.paging import DEFAULT_LIMIT, Cursor, Limit, Pages
from contracts.refusals import NotFound
from contracts.values import RegionCode
from routing_svc.context import PUBLIC_ID, Routing
from routing_svc.supervision import store
from routing_svc.supervision.domain import COLOURS
from routing_svc.timeline.handlers import find_case
from rules.access import GRANTS, permit, tree

router = APIRouter(tags=["supervision"])


class CardShown(BaseModel):
    """A card."""

    card_id: str
    case_id: str
    case_no: str
    colour: str
    colour_zh: str
    colour_en: str
    rule: str
    organ: str
    """Who is charged."""
    region: str
    at: datetime
    zh: str
    en: str


class CardsShown(BaseModel):
    """A page of cards, newest first."""

    items: list[CardShown]
    next: str | None
    """Cursor of the next page; null on the last."""


class TraceShown(BaseModel):
    """A trace."""

    trace_id: str
    at: datetime
    caller: str
    aggregate: str
    action: str
    about: str
    region: str
    rule: str
    """The rule that refused; empty for an opening of personal data."""
    purpose: str


class TracesShown(BaseModel):
    """Traces about a case, newest first; at most 200."""

    items: list[TraceShown]


@router.get("/supervision/cards", operation_id="listCards", response_model=CardsShown)
async def list_cards(
    read: Annotated[Reader[Routing], READER],
    region: Annotated[str | None, Query(min_length=6, max_length=6, pattern="^[0-9]{6}$")] = None,
    limit: Limit = DEFAULT_LIMIT,
    after: Cursor = "",
) -> Response:
    """Cards of the caller's cases; with a region, those charged to organs of it and below."""
    pages = Pages(vault=read.context.vault, scope=("cards", region or ""))
    position = pages.position(after)
    found = await store.list_cards(
        read.tx,
        tree(read.caller, "card", "view", regions=read.context.catalogue),
        regions=None if region is None else read.context.catalogue.subtree(RegionCode(region)),
        after=None if position is None else (datetime.fromisoformat(str(position[0])), str(position[1])),
        limit=limit + 1,
    )
    page = found[:limit]
    more = pages.cursor((page[-1].at.isoformat(), page[-1].card_id)) if len(found) > limit else None
    shown = [
        CardShown(
            card_id=card.card_id,
            case_id=card.case.case_id,
            case_no=card.case.case_no,
            colour=card.colour.value,
            colour_zh=COLOURS[card.colour][0],
            colour_en=COLOURS[card.colour][1],
            rule=card.rule_id,
            organ=card.organ,
            region=card.region,
            at=card.at,
            zh=card.zh,
            en=card.en,
        )
        for card in page
    ]
    return read.answer(CardsShown(items=shown, next=more))


@router.get("/supervision/traces", operation_id="listTraces", response_model=TracesShown)
async def list_traces(case: Annotated[str, Query(max_length=60, pattern=PUBLIC_ID)], read: Annotated[Reader[Routing], READER]) -> Response:
    """Who tried what they may not do about a case, and who opened personal data of it."""
    rule = tree(read.caller, "trace", "view", regions=read.context.catalogue)
    if not {who for who, _ in GRANTS["trace", "view"]} & read.caller.roles:
        permit(read.caller, "trace", "view", {"region": ""}, regions=read.context.catalogue)
    names = [case]
    try:
        known = await find_case(read.tx, case)
        names = [known.case_id, known.case_no]
    except NotFound:
        # Something else than a case of ours may have been asked for, by its own id.
        pass
    shown = [
        TraceShown(
            trace_id=trace.trace_id,
            at=trace.at,
            caller=trace.caller,
            aggregate=trace.aggregate,
            action=trace.action,
            about=trace.about,
            region=trace.region,
            rule=trace.rule_id,
            purpose=trace.purpose,
        )
        for trace in await store.list_traces(read.tx, rule, about=names, limit=200)
    ]
    return read.answer(TracesShown(items=shown))
