"""Write notices and put seals on them."""

from collections.abc import Sequence
from datetime import datetime

from contracts.codec import encode_object
from contracts.events import CaseReceived, Seal
from contracts.values import CaseId, NoticeId, OrganCode, RegionCode, digest
from routing_svc.clock.domain import OWN_LIMITS, ClockKind
from routing_svc.clock.handlers import Wanted, meet_one, start
from routing_svc.context import RoutingTx
from routing_svc.notice import store
from routing_svc.notice.domain import SEALED_KINDS, TITLES, Line, Notice, NoticeKind, NoticeState, NoticeText, number_notice, remedies
from routing_svc.timeline.domain import EntryKind
from routing_svc.timeline.handlers import record
from rules.workdays import local_day


async def write_notice(
    tx: RoutingTx,
    case: CaseReceived,
    kind: NoticeKind,
    *,
    organ: OrganCode,
    region: RegionCode,
    at: datetime,
    item: str,
    lines: Sequence[Line],
) -> Notice:
    """Write a notice into the organ's register; where it needs the seal, the wait for it has its clock.

    Args:
        tx: The transaction; the case's lock is held.
        case: The case.
        kind: What it tells.
        organ: Who writes.
        region: Of the organ.
        at: Its date.
        item: Name of the item.
        lines: What it says, beyond heading and item.
    """
    notice_id = number_notice(organ=organ, kind=kind, year=local_day(at).year, sequence=await store.next_number(tx))
    known = tx.context.catalogue.organ(organ)
    _, zh, en = TITLES[kind]
    text = NoticeText(
        notice_id=notice_id,
        case_no=case.case_no,
        kind=kind,
        title=Line(zh=zh, en=en),
        organ=organ,
        organ_name=organ if known is None else known.name,
        item=item,
        written_at=at,
        lines=tuple(lines),
    )
    notice = Notice(
        notice_id=notice_id,
        case=case,
        kind=kind,
        region=region,
        organ=organ,
        digest=digest(encode_object(text)),
        written_at=at,
        state=NoticeState.AWAITING_SEAL if kind in SEALED_KINDS else NoticeState.WRITTEN,
    )
    if kind in SEALED_KINDS:
        wanted = Wanted(kind=ClockKind.SEAL, limit=OWN_LIMITS[ClockKind.SEAL], at=tx.at, organ=organ, region=region)
        (clock,) = await start(tx, case, wanted)
        notice.seal_clock = clock.clock_id
    await store.add_notice(tx, notice, text)
    return notice


async def put_seal(tx: RoutingTx, case_id: CaseId, notice_id: NoticeId, *, seal: Seal, at: datetime) -> bool:
    """Put the organ's seal on a notice; False when it is unknown, sealed already, or the seal is over another text."""
    notice = await store.get_notice_of(tx, case_id, notice_id)
    if notice is None or not notice.sealed(seal):
        return False
    await store.save_notices(tx, [notice])
    if notice.seal_clock is not None:
        await meet_one(tx, notice.seal_clock, at=at)
    await record(tx, notice.case, EntryKind.SEALED, at=at, organ=notice.organ, region=notice.region, facts={"notice": notice_id})
    return True


def remedies_against(tx: RoutingTx, organ: OrganCode) -> Line:
    """What may be done against a decision of an organ."""
    known = tx.context.catalogue.organ(organ)
    if known is None:
        return remedies(reconsideration_organ="本级人民政府", court="有管辖权的人民法院")
    return remedies(reconsideration_organ=known.reconsideration_organ, court=known.court)
