"""Write notices and put seals on them."""

from collections.abc import Sequence
from datetime import datetime

from contracts.codec import encode_object
from contracts.delegations import Authority, name_of
from contracts.events import CaseReceived, Seal
from contracts.values import CaseId, NoticeId, OrganCode, RegionCode, digest
from routing_svc.clock.domain import OWN_LIMITS, ClockKind
from routing_svc.clock.handlers import Wanted, meet_one, start
from routing_svc.context import RoutingTx
from routing_svc.notice import store
from routing_svc.notice.domain import (
    SEALED_KINDS,
    TITLES,
    Line,
    Notice,
    NoticeKind,
    NoticeState,
    NoticeText,
    authority_line,
    number_notice,
    remedies,
)
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
    authority: Authority | None = None,
) -> Notice:
    """Write a notice into the register of the organ in whose name it speaks; where it needs the seal, the wait for it has its clock.

    Args:
        tx: The transaction; the case's lock is held.
        case: The case.
        kind: What it tells.
        organ: Who acts.
        region: Of the organ.
        at: Its date.
        item: Name of the item.
        lines: What it says, beyond heading and item.
        authority: In whose name, where the organ acts through instruments; the text names them.
    """
    name = name_of(organ, authority)
    notice_id = number_notice(organ=name, kind=kind, year=local_day(at).year, sequence=await store.next_number(tx))
    _, zh, en = TITLES[kind]
    text = NoticeText(
        notice_id=notice_id,
        case_no=case.case_no,
        kind=kind,
        title=Line(zh=zh, en=en),
        organ=name,
        organ_name=_call(tx, name),
        item=item,
        written_at=at,
        lines=(*_stand_on(tx, organ, authority), *lines),
        written_by="" if name == organ else organ,
        authority=authority,
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
        authority=authority,
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
    """What may be done against a decision in the name of an organ: who gave its name answers for what is done in it.

    Law: 行政复议法 §19, 行政诉讼法 §26.
    """
    known = tx.context.catalogue.organ(organ)
    if known is None:
        return remedies(reconsideration_organ="本级人民政府", court="有管辖权的人民法院")
    return remedies(reconsideration_organ=known.reconsideration_organ, court=known.court)


def _stand_on(tx: RoutingTx, organ: OrganCode, authority: Authority | None) -> tuple[Line, ...]:
    if authority is None:
        return ()
    numbers = [paper.number for paper in authority.instruments]
    return (authority_line(organ=_call(tx, organ), numbers=numbers, in_its_own_name=authority.sealed_as == organ),)


def _call(tx: RoutingTx, code: OrganCode) -> str:
    known = tx.context.catalogue.organ(code)
    return code if known is None else known.name
