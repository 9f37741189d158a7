"""Notices: where each stands in the clear, its text sealed under the case's key."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Column, DateTime, Index, Integer, LargeBinary, Table, Text, select, update
from sqlalchemy import Sequence as Numbers
from sqlalchemy.dialects.postgresql import JSONB, insert

from chassis.database import StaleVersion
from contracts.codec import decode, encode_object
from contracts.values import CaseId, JsonObject, NoticeId
from routing_svc.context import RoutingTx
from routing_svc.notice.domain import Notice, NoticeText
from routing_svc.schema import METADATA
from routing_svc.timeline.domain import key_owner

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


async def next_number(tx: RoutingTx) -> int:
    """A number that no other notice has."""
    return int((await tx.execute(select(NUMBERS.next_value()))).scalar_one())


async def add_notice(tx: RoutingTx, notice: Notice, text: NoticeText) -> None:
    """Keep a notice just written."""
    notice.version = 1
    vault = tx.context.vault
    key = await vault.new_key(tx, key_owner(notice.case_id))
    row = {**_row(notice), "notice_id": notice.notice_id, "text_sealed": vault.seal(key, encode_object(text))}
    await tx.execute(insert(NOTICES).values(row))


async def save_notices(tx: RoutingTx, notices: Sequence[Notice]) -> None:
    """Keep what happened to notices.

    Raises:
        StaleVersion: One was changed since it was read.
    """
    for notice in notices:
        notice.version += 1
        done = await tx.execute(
            update(NOTICES).where(NOTICES.c.notice_id == notice.notice_id, NOTICES.c.version == notice.version - 1).values(**_row(notice))
        )
        if done.rowcount != 1:
            raise StaleVersion


async def get_notice(tx: RoutingTx, notice_id: NoticeId) -> Notice | None:
    """One notice."""
    body = (await tx.execute(select(NOTICES.c.body).where(NOTICES.c.notice_id == notice_id))).scalar_one_or_none()
    return None if body is None else decode(Notice, body)


async def get_notices(tx: RoutingTx, case_id: CaseId) -> tuple[Notice, ...]:
    """The notices of a case, in the order they were written."""
    statement = select(NOTICES.c.body).where(NOTICES.c.case_id == case_id).order_by(NOTICES.c.written_at, NOTICES.c.notice_id)
    return tuple(decode(Notice, body) for body in (await tx.execute(statement)).scalars())


async def open_text(tx: RoutingTx, notice: Notice) -> JsonObject:
    """The text of a notice, exactly as its digest was taken."""
    sealed = (await tx.execute(select(NOTICES.c.text_sealed).where(NOTICES.c.notice_id == notice.notice_id))).scalar_one()
    return tx.context.vault.open(await tx.context.vault.key(tx, key_owner(notice.case_id)), sealed)


def _row(notice: Notice) -> Mapping[str, object]:
    return {
        "case_id": notice.case_id,
        "kind": notice.kind.value,
        "state": notice.state.value,
        "written_at": notice.written_at,
        "version": notice.version,
        "body": encode_object(notice),
    }
