"""What every act on a handling begins and ends with: lock and load, write the notice, tell the timeline."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from chassis.database import lock
from contracts.refusals import Stale
from contracts.values import PersonRef
from routing_svc.context import RoutingTx
from routing_svc.handling import store
from routing_svc.handling.domain import Act, Handling, NotOpened, Written
from routing_svc.handling.handlers.mergers import follow
from routing_svc.notice.domain import Line, NoticeKind
from routing_svc.notice.handlers import write_notice
from routing_svc.schema import have_at_hand
from routing_svc.timeline.domain import EVERYONE, Audience, EntryKind, key_owner
from routing_svc.timeline.handlers import find_case, record
from rules.access import permit


async def load(tx: RoutingTx, act: Act, action: str, *, needs_version: bool = True) -> Handling:
    """The handling of a case under its lock, where the caller may act so on it and nothing ended the matter.

    Raises:
        NotFound: No such case, or none that the caller may know of.
        Forbidden: The caller may see it but not do this.
        NotOpened: Nobody has signed for it.
        CaseIsOver: Another act came first.
        Stale: It was changed since the caller read it.
    """
    case = await find_case(tx, act.no)
    await lock(tx, case.root_case_id)
    # The key is for the notice that most acts write.
    await have_at_hand(tx, [case.case_id], secrets=[key_owner(case.case_id)])
    handling = await store.get_handling(tx, case.case_id)
    row = store.row_of(handling) if handling is not None else store.row_before(case)
    permit(act.caller, "handling", action, row, regions=tx.context.catalogue, about=case.case_id)
    if handling is None:
        raise NotOpened
    handling.refuse_if_over()
    if needs_version:
        check_version(handling, act)
    await follow(tx, handling)
    return handling


def check_version(handling: Handling, act: Act) -> None:
    """Whoever acts has read the handling as it is, else `Stale` is raised."""
    if handling.version != act.version:
        raise Stale(facts={"version": handling.version})


async def write(tx: RoutingTx, handling: Handling, kind: NoticeKind, lines: Sequence[Line], *, at: datetime | None = None) -> Written:
    """Write a notice about the handling into its organ's register; dated now unless told."""
    notice = await write_notice(
        tx,
        handling.case,
        kind,
        organ=handling.organ,
        region=handling.region,
        at=tx.at if at is None else at,
        item=handling.item.name,
        lines=lines,
        authority=handling.authority,
    )
    return Written(notice_id=notice.notice_id, digest=notice.digest)


async def record_act(
    tx: RoutingTx,
    handling: Handling,
    kind: EntryKind,
    *,
    at: datetime | None = None,
    by: PersonRef | None = None,
    audience: frozenset[Audience] = EVERYONE,
    facts: Mapping[str, str | tuple[str, str]] | None = None,
    remark: str = "",
) -> None:
    """Tell the timeline of an act of the handling's organ; done now unless told."""
    when = tx.at if at is None else at
    await record(
        tx, handling.case, kind, at=when, organ=handling.organ, region=handling.region, by=by, audience=audience, facts=facts, remark=remark
    )
