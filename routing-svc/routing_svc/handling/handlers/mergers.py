"""A case follows its organ into the one it was merged into: at the next act at the latest, with an event that says why (S-22)."""

from collections.abc import Collection
from datetime import datetime

from contracts.delegations import name_of
from contracts.events import CaseReceived
from contracts.values import CaseId, OrganCode, TransferId
from routing_svc.clock import handlers as clocks
from routing_svc.context import RoutingTx
from routing_svc.handling import store
from routing_svc.handling.domain import WINNERS, Handling, NotOpened
from routing_svc.timeline.domain import EntryKind
from routing_svc.timeline.handlers import record
from rules.powers import Acting, acting_now, authority_by


async def follow(tx: RoutingTx, handling: Handling) -> bool:
    """Let a handling go on at the organ in its own's place; False when its own still stands, and then nothing changes."""
    was = acting(handling)
    now = acting_now(tx.context.catalogue, was, at=tx.at)
    if now is was or handling.state in WINNERS:
        return False
    handling.follow(now, at=tx.at)
    await tell(tx, handling.case, was=was, now=now)
    await store.save_handlings(tx, [handling])
    return True


async def follow_merger(tx: RoutingTx, case_id: CaseId) -> bool:
    """`follow` for the handling of a case; the case's lock is held."""
    handling = await store.get_handling(tx, case_id)
    return handling is not None and await follow(tx, handling)


async def whose(tx: RoutingTx, case_id: CaseId) -> Acting:
    """Who handles a case, where and in whose name.

    Raises:
        NotOpened: Nobody has signed for it.
    """
    handling = await store.get_handling(tx, case_id)
    if handling is None:
        raise NotOpened
    return acting(handling)


def told_at(tx: RoutingTx, case: CaseReceived, *, by: Acting, due: datetime) -> datetime:
    """When something that time did is told of: as of its time by who was there by then, else now, for nobody speaks before it took a place."""
    # One without a name, signed for before names were kept, had none then either, whatever the papers say.
    authority = None if by.authority is None else case.authority or authority_by(tx.context.catalogue, case.delegations, at=case.at)
    then = acting_now(tx.context.catalogue, Acting(case.handling_organ, case.handling_region, authority), at=due)
    names = [(who.organ, name_of(who.organ, who.authority)) for who in (then, by)]
    return due if names[0] == names[1] else tx.at


async def find_at(tx: RoutingTx, organs: Collection[OrganCode], *, after: TransferId | None, limit: int) -> list[TransferId]:
    """Of open handlings at these organs the hops that they were signed for by, by id."""
    return await store.list_open_at(tx, organs, after=after, limit=limit)


async def tell(tx: RoutingTx, case: CaseReceived, *, was: Acting, now: Acting) -> None:
    """Hand the clocks over and say in the timeline whose place was taken."""
    await clocks.hand_over(tx, case.case_id, former=was.organ, organ=now.organ, region=now.region)
    former, organ = was.organ, now.organ
    if former == organ:
        former, organ = name_of(former, was.authority), name_of(organ, now.authority)
    facts = {"former": _call(tx, former), "organ": _call(tx, organ)}
    await record(tx, case, EntryKind.REHOMED, at=tx.at, organ=now.organ, region=now.region, facts=facts)


def acting(handling: Handling) -> Acting:
    """Who acts on a handling, where and in whose name."""
    return Acting(handling.organ, handling.region, handling.authority)


def _call(tx: RoutingTx, code: OrganCode) -> str:
    known = tx.context.catalogue.organ(code)
    return code if known is None else known.name
