"""Keep cases and their entries; the lowest room, called by all above it in their own transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chassis.anchors import Anchored
from chassis.context import Subscriptions
from chassis.doors import Writer
from chassis.errands import Errand, errands
from chassis.gathering import Gathering
from contracts.caller import Caller
from contracts.events import CaseClosed, CaseReceived
from contracts.refusals import NotFound
from contracts.values import CaseId, OrganCode, PersonRef, RegionCode
from routing_svc.context import Routing, RoutingTx
from routing_svc.schema import have_at_hand
from routing_svc.timeline import store
from routing_svc.timeline.domain import EVERYONE, Audience, EntryKind, key_owner, write_entry
from rules.access import Tree, permit, tree


async def hear_of(tx: RoutingTx, case: CaseReceived) -> bool:
    """Keep a case; False when it was known already, and then nothing is to be done."""
    return bool(await store.save_cases(tx, [case]))


def seen_by(write: Writer[Routing], aggregate: str) -> Tree:
    """Which of an aggregate's rows are not hidden from whoever writes: what is hidden is neither found nor locked."""
    return tree(write.caller, aggregate, "view", regions=write.context.catalogue)


def anchored(number: str, *, seen: Tree) -> Anchored:
    """A case by number or id, for a door that finds and locks it on the way where it is seen."""
    return store.anchored(number, seen=seen)


async def find_case(tx: RoutingTx, number: str) -> CaseReceived:
    """A case by number or id, without asking who calls.

    Raises:
        NotFound: Routing never heard of it.
    """
    return await store.get_case(tx, number)


async def find_case_for(tx: RoutingTx, number: str, *, caller: Caller, aggregate: str, action: str) -> CaseReceived:
    """A case by number or id, where the caller may act so on it.

    Raises:
        NotFound: Absent, or hidden from the caller.
        Forbidden: The caller may see it but not do this.
    """
    case = await store.get_case(tx, number)
    permit(caller, aggregate, action, store.row_of(case), regions=tx.context.catalogue, about=case.case_id)
    return case


async def record(
    tx: RoutingTx,
    case: CaseReceived,
    kind: EntryKind,
    *,
    at: datetime,
    organ: OrganCode | None = None,
    region: RegionCode | None = None,
    by: PersonRef | None = None,
    audience: frozenset[Audience] = EVERYONE,
    facts: Mapping[str, str | tuple[str, str]] | None = None,
    remark: str = "",
) -> None:
    """Add one entry; organ and region are the handling side's unless told."""
    entry = write_entry(
        kind,
        case_id=case.case_id,
        at=at,
        organ=case.handling_organ if organ is None else organ,
        region=case.handling_region if region is None else region,
        by=by,
        audience=audience,
        facts=facts,
        remark=remark,
    )
    await store.save_entries(tx, [entry])


async def on_case_closed(tx: RoutingTx, event: CaseClosed) -> None:
    """Show that nothing is left to do at any window."""
    try:
        case = await store.get_case(tx, event.case_id)
    except NotFound:
        return
    await record(tx, case, EntryKind.CLOSED, at=event.at, organ=case.receiving_organ, region=case.region)


async def _have(tx: RoutingTx, rows: Sequence[tuple[Any, ...]]) -> None:
    """Of each anchor's row the first column is the case's id."""
    case_ids = [CaseId(row[0]) for row in rows]
    await have_at_hand(tx, case_ids, secrets=[key_owner(case_id) for case_id in case_ids])


ACTS: Gathering[Routing, Errand[Routing]] = errands(_have)
"""What people do about cases at the same moment is done in one transaction."""

SUBSCRIPTIONS: Subscriptions = {CaseClosed: on_case_closed}
