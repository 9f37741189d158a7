"""Notices: where each stands in the clear, its text sealed under the case's key."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Column, DateTime, Index, Integer, LargeBinary, Table, Text, func, literal_column, select
from sqlalchemy import Sequence as Numbers
from sqlalchemy.dialects.postgresql import JSONB

from chassis.prepared import Prepared
from chassis.shelves import Shelf
from chassis.writing import Rows
from contracts.codec import decode, encode_object
from contracts.values import CaseId, JsonObject, NoticeId
from routing_svc.context import RoutingTx
from routing_svc.notice.domain import Notice, NoticeState, NoticeText
from routing_svc.schema import METADATA, of_a_case
from routing_svc.timeline.domain import key_owner

NUMBERS_AT_ONCE = 100
"""Numbers one process takes ahead; what it does not use stays a gap."""

NUMBERS = Numbers("notice_numbers", metadata=METADATA)
"""One sequence for all registers: numbers rise and may leave gaps; a counter row per organ would queue its officers."""

NOTICES = Table(
    "notices",
    METADATA,
    Column("notice_id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("written_at", DateTime(timezone=True), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("text_sealed", LargeBinary, nullable=False),
    Index("ix_notices_case", "case_id"),
    postgresql_with={"fillfactor": "80"},
)


def _row(notice: Notice) -> Mapping[str, object]:
    return {
        "notice_id": notice.notice_id,
        "case_id": notice.case_id,
        "kind": notice.kind.value,
        "state": notice.state.value,
        "written_at": notice.written_at,
        "version": notice.version,
        "body": encode_object(notice),
    }


_NEW = Rows(NOTICES, name="new_notices")
_AT_HAND = of_a_case(
    Shelf(
        NOTICES,
        key="case_id",
        identity=lambda notice: notice.notice_id,
        row=_row,
        read=lambda body: decode(Notice, body),
        # Nothing happens to any other.
        only=NOTICES.c.state == literal_column(f"'{NoticeState.AWAITING_SEAL.value}'"),
        # The text stays as it was written.
        columns=("notice_id", "case_id", "kind", "state", "written_at", "version", "body"),
    )
)


_DRAW = Prepared(select(NUMBERS.next_value()).select_from(func.generate_series(1, NUMBERS_AT_ONCE)))


async def next_number(tx: RoutingTx) -> int:
    """A number that no other notice has."""
    numbers = tx.context.notice_numbers
    if not numbers:
        # Reads no row: what is pending may stay so.
        numbers.extend([number for (number,) in await _DRAW.fetch(tx.connection, {})])
    return numbers.popleft()


async def add_notice(tx: RoutingTx, notice: Notice, text: NoticeText) -> None:
    """Keep a notice just written."""
    notice.version = 1
    vault = tx.context.vault
    key = await vault.new_key(tx, key_owner(notice.case_id))
    tx.write(_NEW, {**_row(notice), "text_sealed": vault.seal(key, encode_object(text))})


async def save_notices(tx: RoutingTx, notices: Sequence[Notice]) -> None:
    """Keep what happened to notices; the locks of their cases are held."""
    for notice in notices:
        _AT_HAND.put(tx, notice.case_id, notice)


async def get_notice(tx: RoutingTx, notice_id: NoticeId) -> Notice | None:
    """One notice, to be read only."""
    body = (await tx.execute(select(NOTICES.c.body).where(NOTICES.c.notice_id == notice_id))).scalar_one_or_none()
    return None if body is None else decode(Notice, body)


async def get_notice_of(tx: RoutingTx, case_id: CaseId, notice_id: NoticeId) -> Notice | None:
    """One notice of a case that waits for its seal; the case's lock is held."""
    return next((notice for notice in await _AT_HAND.of(tx, case_id) if notice.notice_id == notice_id), None)


async def get_notices(tx: RoutingTx, case_id: CaseId) -> tuple[Notice, ...]:
    """The notices of a case, in the order they were written."""
    statement = select(NOTICES.c.body).where(NOTICES.c.case_id == case_id).order_by(NOTICES.c.written_at, NOTICES.c.notice_id)
    return tuple(decode(Notice, body) for body in (await tx.execute(statement)).scalars())


async def open_text(tx: RoutingTx, notice: Notice) -> JsonObject:
    """The text of a notice, exactly as its digest was taken."""
    sealed = (await tx.execute(select(NOTICES.c.text_sealed).where(NOTICES.c.notice_id == notice.notice_id))).scalar_one()
    return tx.context.vault.open(await tx.context.vault.key(tx, key_owner(notice.case_id)), sealed)
