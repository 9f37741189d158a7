"""Cases as routing heard of them, and the entries of their timelines."""

from collections.abc import Mapping, Sequence

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, LargeBinary, Table, Text, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis.anchors import Anchor, Anchored
from chassis.shelves import Shelf
from chassis.writing import Rows
from contracts.codec import decode, encode_object
from contracts.events import CaseReceived
from contracts.refusals import NotFound
from contracts.values import CaseId, OrganCode, PersonRef, RegionCode
from routing_svc.context import RoutingTx
from routing_svc.schema import METADATA, access_columns, of_a_case
from routing_svc.timeline.domain import Audience, Entry, EntryKind, key_owner
from rules.access import ALWAYS, Tree

CASES = Table(
    "cases",
    METADATA,
    Column("case_id", Text, primary_key=True),
    Column("case_no", Text, nullable=False, unique=True),
    Column("receiving_region", Text, nullable=False),
    Column("receiving_organ", Text, nullable=False),
    Column("handling_region", Text, nullable=False),
    Column("handling_organ", Text, nullable=False),
    Column("body", JSONB, nullable=False),
)
"""One row per case received, its body the event that told of it."""

ENTRIES = Table(
    "timeline_entries",
    METADATA,
    Column("entry_id", BigInteger, Identity(), primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("kind", Text, nullable=False),
    Column("zh", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("organ", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("by", Text),
    Column("audience", ARRAY(Text), nullable=False),
    Column("remark_sealed", LargeBinary),
    Index("ix_timeline_entries_case", "case_id", "at", "entry_id"),
)


_NEW_ENTRIES = Rows(ENTRIES, columns=[each.name for each in ENTRIES.columns if each.name != "entry_id"])


def row_of(case: CaseReceived) -> Mapping[str, object]:
    """The columns that access rules ask for."""
    return {
        "case_id": case.case_id,
        "receiving_region": case.region,
        "receiving_organ": case.receiving_organ,
        "handling_region": case.handling_region,
        "handling_organ": case.handling_organ,
    }


_AT_HAND = of_a_case(
    Shelf(
        CASES,
        key="case_id",
        identity=lambda case: case.case_id,
        row=lambda case: {**row_of(case), "case_no": case.case_no, "body": encode_object(case)},
        read=lambda body: decode(CaseReceived, body),
    )
)


_place = select(CASES.c.body["root_case_id"].astext.label("key"), CASES.c.case_id, CASES.c.body)
_BY_NO = Anchor(_place, by=CASES.c.case_no, shown=access_columns(CASES))
_BY_ID = Anchor(_place, by=CASES.c.case_id, shown=access_columns(CASES))


def anchored(number: str, *, seen: Tree = ALWAYS) -> Anchored:
    """A case by its number or its id, however their letters are written: what is written about it holds its lock."""
    return _BY_ID.of(number.lower(), seen=seen) if "-" in number else _BY_NO.of(number.upper(), seen=seen)


async def save_cases(tx: RoutingTx, cases: Sequence[CaseReceived]) -> frozenset[CaseId]:
    """Keep cases heard of; the ids that were new. Their locks are held."""
    new = [case for case in cases if not await _AT_HAND.of(tx, case.case_id)]
    for case in new:
        _AT_HAND.put(tx, case.case_id, case)
    return frozenset(case.case_id for case in new)


async def get_case(tx: RoutingTx, number: str) -> CaseReceived:
    """A case by its number or its id, however their letters are written.

    Raises:
        NotFound: Routing never heard of it.
    """
    if "-" in number and not _BY_ID.has(tx, number.lower()):
        found = await _AT_HAND.of(tx, CaseId(number.lower()))
        if not found:
            raise NotFound
        return found[0]
    where = anchored(number)
    row = await where.anchor.find(tx, where.named)
    if row is None:
        raise NotFound
    return decode(CaseReceived, row[1])


async def save_entries(tx: RoutingTx, entries: Sequence[Entry]) -> None:
    """Add entries; nothing ever changes one. Remarks are sealed under the case's key, which is made at the first."""
    vault = tx.context.vault
    keys = {entry.case_id: await vault.new_key(tx, key_owner(entry.case_id)) for entry in entries if entry.remark}
    rows = [
        {
            "case_id": entry.case_id,
            "at": entry.at,
            "kind": entry.kind.value,
            "zh": entry.zh,
            "en": entry.en,
            "organ": entry.organ,
            "region": entry.region,
            "by": entry.by,
            "audience": sorted(entry.audience),
            "remark_sealed": vault.seal(keys[entry.case_id], {"remark": entry.remark}) if entry.remark else None,
        }
        for entry in entries
    ]
    for row in rows:
        tx.write(_NEW_ENTRIES, row)


async def get_entries(tx: RoutingTx, case_id: CaseId, *, audience: Audience) -> tuple[Entry, ...]:
    """The entries for an audience, in the order of what happened; at most 500."""
    found = await tx.execute(
        select(ENTRIES)
        .where(ENTRIES.c.case_id == case_id, ENTRIES.c.audience.contains([audience.value]))
        .order_by(ENTRIES.c.at, ENTRIES.c.entry_id)
        .limit(500)
    )
    rows = found.all()
    sealed = any(row.remark_sealed is not None for row in rows)
    key = await tx.context.vault.key(tx, key_owner(case_id)) if sealed else None
    return tuple(
        Entry(
            case_id=CaseId(row.case_id),
            at=row.at,
            kind=EntryKind(row.kind),
            zh=row.zh,
            en=row.en,
            organ=OrganCode(row.organ),
            region=RegionCode(row.region),
            by=None if row.by is None else PersonRef(row.by),
            audience=frozenset(Audience(name) for name in row.audience),
            remark="" if key is None or row.remark_sealed is None else str(tx.context.vault.open(key, row.remark_sealed)["remark"]),
        )
        for row in rows
    )
