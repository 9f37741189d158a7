"""Give cards for what ran late, keep traces of refused access."""

from datetime import datetime

from chassis.context import Subscriptions
from chassis.timers import Timer
from contracts.events import AccessRefused, CaseReceived, PersonalDataRead
from contracts.values import OrganCode, RegionCode
from routing_svc.clock.domain import NAMES, Clock, ClockKind
from routing_svc.clock.handlers import about, overrun, timers_of_warnings, timers_when_due
from routing_svc.context import RoutingTx
from routing_svc.supervision import store
from routing_svc.supervision.domain import COLOURS, OVERRUN, Card, Colour, Trace
from routing_svc.timeline.domain import STAFF_ONLY, EntryKind
from routing_svc.timeline.handlers import find_case, record
from rules.powers import Acting, acting_now


async def give_card(
    tx: RoutingTx,
    case: CaseReceived,
    colour: Colour,
    *,
    card_id: str,
    rule_id: str,
    organ: OrganCode,
    region: RegionCode,
    at: datetime,
    name: tuple[str, str],
) -> None:
    """Give a card, once; staff see it in the timeline. Charged is who stands in the organ's place by now: one that is no more answers nobody."""
    charged = acting_now(tx.context.catalogue, Acting(organ, region, None), at=tx.at)
    card = Card(
        card_id=card_id,
        case=case,
        colour=colour,
        rule_id=rule_id,
        organ=charged.organ,
        region=charged.region,
        at=at,
        zh=name[0],
        en=name[1],
    )
    if await store.save_cards(tx, [card]):
        facts = {"card": COLOURS[colour], "clock": name}
        await record(tx, case, EntryKind.CARD, at=at, organ=charged.organ, region=charged.region, audience=STAFF_ONLY, facts=facts)


async def give_card_for(
    tx: RoutingTx,
    clock: Clock,
    colour: Colour,
    *,
    at: datetime | None = None,
    organ: OrganCode | None = None,
    region: RegionCode | None = None,
) -> None:
    """Give a card for a clock, as of its end unless told, to whoever had to act unless somebody else held the case.

    Once for each date the clock had: after more time, or time that did not count, the new date has its own cards.
    """
    await give_card(
        tx,
        await find_case(tx, clock.case_id),
        colour,
        card_id=f"{clock.clock_id}/{colour.value}/{clock.due:%Y%m%dT%H%M%SZ}",
        rule_id=f"clock.{clock.kind.value}",
        organ=organ or clock.organ,
        region=region or clock.region,
        at=at or clock.due,
        name=NAMES[clock.kind],
    )


async def on_overrun(tx: RoutingTx, timer: Timer) -> None:
    """Give the card of a clock that ran out, where nothing else follows from it."""
    clock = await overrun(tx, timer)
    if clock is not None:
        await give_card_for(tx, clock, OVERRUN[clock.kind.value])


async def on_last_day(tx: RoutingTx, timer: Timer) -> None:
    """Remind of a clock whose last day begins."""
    clock = await about(tx, timer)
    if clock is not None:
        await give_card_for(tx, clock, Colour.REMINDER, at=timer.due)


async def on_access_refused(tx: RoutingTx, event: AccessRefused) -> None:
    """Keep the trace of somebody who tried what they may not do."""
    await store.save_traces(tx, [_trace(event, rule_id=event.rule_id, purpose="")])


async def on_personal_data_read(tx: RoutingTx, event: PersonalDataRead) -> None:
    """Keep the trace of an opening of personal data."""
    await store.save_traces(tx, [_trace(event, rule_id="", purpose=event.purpose)])


def _trace(event: AccessRefused | PersonalDataRead, *, rule_id: str, purpose: str) -> Trace:
    return Trace(
        trace_id=event.trace_id,
        at=event.at,
        caller=event.caller,
        aggregate=event.aggregate,
        action=event.action,
        about=event.about,
        region=event.region,
        rule_id=rule_id,
        purpose=purpose,
    )


SUBSCRIPTIONS: Subscriptions = {AccessRefused: on_access_refused, PersonalDataRead: on_personal_data_read}

TIMERS = (
    *timers_when_due(
        dict.fromkeys(
            (
                ClockKind.TRANSFER_DELIVERED,
                ClockKind.TRANSFER_VALIDATED,
                ClockKind.TRANSFER_SIGN,
                ClockKind.SUPPLEMENT,
                ClockKind.DECISION_PROMISED,
                ClockKind.DECISION_STATUTORY,
                ClockKind.SUSPENSION,
                ClockKind.SEAL,
                ClockKind.DELIVERY,
            ),
            on_overrun,
        )
    ),
    *timers_of_warnings(on_last_day),
)
