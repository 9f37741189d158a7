"""Open a delivery when a decision is in force; close the matter when the result is handed over."""

from chassis.context import Subscriptions
from chassis.database import lock
from contracts.caller import Caller, CallerKind
from contracts.events import DecisionSealed
from contracts.refusals import Forbidden, NotFound
from routing_svc.clock.domain import ClockKind
from routing_svc.clock.handlers import Wanted, meet, start
from routing_svc.context import RoutingTx
from routing_svc.delivery import store
from routing_svc.delivery.domain import MEANS, Delivery, Means, delivery_id
from routing_svc.handling.handlers import deliver, put_in_force
from routing_svc.schema import have_at_hand
from routing_svc.timeline.domain import EntryKind
from routing_svc.timeline.handlers import record
from rules.access import permit


async def on_decision_sealed(tx: RoutingTx, event: DecisionSealed) -> None:
    """Put the decision in force and open its delivery; its clock runs from the decision.

    Law: 行政许可法 §44.
    """
    handling = await put_in_force(tx, event)
    if handling is None or handling.decided_at is None:
        return
    case = handling.case
    delivery = Delivery(
        delivery_id=delivery_id(case.case_id, event.decision),
        case=case,
        region=handling.region,
        organ=handling.organ,
        decision=event.decision,
        notice_id=event.notice_id,
        credential_id=event.credential_id,
        opened_at=event.at,
    )
    if await store.add_delivery(tx, delivery):
        limit, since = handling.item.delivery_limit, handling.decided_at
        await start(tx, case, Wanted(kind=ClockKind.DELIVERY, limit=limit, at=since, organ=case.receiving_organ, region=case.region))


async def hand_over(tx: RoutingTx, wanted: str, *, means: Means, caller: Caller) -> Delivery:
    """Note that the applicant has the result: a clerk of the receiving organ at the window, or the applicant's own electronic receipt.

    Raises:
        NotFound: No such delivery, or none that the caller may know of.
        Forbidden: The caller may see it but not do this.
        HandedOver: It was handed over before.
    """
    place = await store.find_place(tx, wanted)
    if place is None:
        raise NotFound
    case_id, root_case_id = place
    await lock(tx, root_case_id)
    await have_at_hand(tx, [case_id])
    delivery = await store.get_delivery(tx, case_id, wanted)
    if delivery is None:
        raise NotFound
    own = caller.kind is CallerKind.PERSON
    permit(caller, "delivery", "view" if own else "deliver", store.row_of(delivery), regions=tx.context.catalogue, about=delivery.case_id)
    if own and means is not Means.ELECTRONIC:
        raise Forbidden(facts={"aggregate": "delivery", "action": "deliver", "about": delivery.case_id})
    by = None if own else caller.ref
    delivery.hand_over(at=tx.at, means=means, by=by)
    await store.save_deliveries(tx, [delivery])
    case = delivery.case
    await meet(tx, case.case_id, ClockKind.DELIVERY, at=tx.at)
    facts = {"means": MEANS[means]}
    await record(tx, case, EntryKind.DELIVERED, at=tx.at, organ=case.receiving_organ, region=case.region, by=by, facts=facts)
    await deliver(tx, case.case_id, delivery_id=delivery.delivery_id, means=means.value, by=by)
    return delivery


SUBSCRIPTIONS: Subscriptions = {DecisionSealed: on_decision_sealed}
