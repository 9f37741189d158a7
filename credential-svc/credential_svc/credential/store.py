"""Tables ``credentials`` and ``receipts`` (who received which case)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, Column, Date, DateTime, Index, Integer, LargeBinary, Table, Text, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import JSONB

from chassis import outbox
from chassis.database import StaleVersion, Tx, where
from chassis.prepared import Prepared
from chassis.writing import Conflict, Rows
from contracts.codec import decode, encode
from contracts.values import CaseId, CaseNo, CredentialId, Digest, NoticeId, OrganCode, RegionCode
from credential_svc.credential.domain import (
    CredentialState,
    IssuedCredential,
    Issuer,
    Parties,
    RevocationGround,
    SuspensionGround,
)
from credential_svc.schema import METADATA

if TYPE_CHECKING:
    from sqlalchemy import Row

    from rules.access import Tree

_INSTANT = DateTime(timezone=True)

CREDENTIALS = Table(
    "credentials",
    METADATA,
    Column("credential_id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("decision", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("receiving_region", Text, nullable=False),
    Column("receiving_organ", Text, nullable=False),
    Column("handling_region", Text, nullable=False),
    Column("handling_organ", Text, nullable=False),
    Column("issued_at", _INSTANT, nullable=False),
    Column("valid_until", Date),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
"""``sealed`` is what is kept of the holder, under the vault's key of the credential's id."""
Index("uq_credentials_decision", CREDENTIALS.c.case_id, CREDENTIALS.c.decision, unique=True)

RECEIPTS = Table(
    "receipts",
    METADATA,
    Column("case_id", Text, primary_key=True),
    Column("case_no", Text, nullable=False, unique=True),
    Column("region", Text, nullable=False),
    Column("organ", Text, nullable=False),
    Column("handling_region", Text, nullable=False),
    Column("handling_organ", Text, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedCase:
    """Who received a case, and where it went first."""

    case_id: CaseId
    case_no: CaseNo
    region: RegionCode
    organ: OrganCode
    handling_region: RegionCode
    handling_organ: OrganCode


_RECEIVED = Rows(RECEIPTS, conflict=Conflict.IGNORE)
_ISSUED = Rows(CREDENTIALS, conflict=Conflict.REFUSE)
_RECEIPT = ("case_id", "case_no", "region", "organ", "handling_region", "handling_organ")
_asked = func.unnest(bindparam("cases", type_=ARRAY(Text))).table_valued("case_id", name="asked").render_derived()
_OF_CASES = Prepared(
    select(
        _asked.c.case_id,
        select(CREDENTIALS.c.case_id).where(CREDENTIALS.c.case_id == _asked.c.case_id).exists(),
        *(RECEIPTS.c[name] for name in _RECEIPT),
    ).select_from(_asked.outerjoin(RECEIPTS, RECEIPTS.c.case_id == _asked.c.case_id))
)
_MASKED = tuple(column for column in CREDENTIALS.c if column.name != "sealed")


async def add_received(tx: Tx[Any], cases: Sequence[ReceivedCase]) -> None:
    """Write who received; a repeat changes nothing."""
    for case in cases:
        tx.write(
            _RECEIVED,
            {
                "case_id": case.case_id,
                "case_no": case.case_no,
                "region": case.region,
                "organ": case.organ,
                "handling_region": case.handling_region,
                "handling_organ": case.handling_organ,
            },
        )


async def received_and_issued(tx: Tx[Any], case_ids: Sequence[CaseId]) -> tuple[dict[CaseId, ReceivedCase], list[IssuedCredential]]:
    """Who received these cases, and the credentials they have already, which most have not."""
    rows = await tx.fetch(_OF_CASES, {"cases": list(case_ids)})
    issued = [CaseId(case_id) for case_id, has_credential, *_ in rows if has_credential]
    known = {CaseId(case_id): ReceivedCase(**dict(zip(_RECEIPT, row, strict=True))) for case_id, _, *row in rows if row[0] is not None}
    return known, await of_cases(tx, issued) if issued else []


async def received_by_no(tx: Tx[Any], no: str) -> ReceivedCase | None:
    """A case by its number, whichever way its last X is written, or its id."""
    named = RECEIPTS.c.case_id == no.lower() if "-" in no else RECEIPTS.c.case_no == no.upper()
    row = (await tx.execute(select(RECEIPTS).where(named))).first()
    return None if row is None else ReceivedCase(**row._mapping)  # noqa: SLF001


async def add_credentials(tx: Tx[Any], credentials: Sequence[tuple[IssuedCredential, bytes]]) -> None:
    """Write new credentials with what is sealed of their holders, and tell it."""
    for credential, sealed in credentials:
        tx.write(_ISSUED, _row(credential) | {"sealed": sealed, "version": 1})
    await _tell(tx, [credential for credential, _ in credentials])


async def save_credentials(tx: Tx[Any], credentials: Sequence[IssuedCredential]) -> None:
    """Write changed credentials and what they recorded; the caller holds the lock of each.

    Raises:
        StaleVersion: One was changed since it was read.
    """
    for credential in credentials:
        read = (CREDENTIALS.c.credential_id == credential.credential_id, CREDENTIALS.c.version == credential.version)
        row = _row(credential) | {"version": credential.version + 1}
        changed = await tx.execute(update(CREDENTIALS).where(*read).values(row).returning(CREDENTIALS.c.credential_id))
        if changed.first() is None:
            raise StaleVersion
        credential.version += 1
    await _tell(tx, credentials)


async def get_credential(tx: Tx[Any], credential_id: CredentialId) -> IssuedCredential | None:
    """One credential, masked."""
    row = (await tx.execute(select(*_MASKED).where(CREDENTIALS.c.credential_id == credential_id))).first()
    return None if row is None else _credential(row)


async def get_sealed(tx: Tx[Any], credential_id: CredentialId) -> bytes:
    """What is sealed of the holder of a credential that is there."""
    return bytes((await tx.execute(select(CREDENTIALS.c.sealed).where(CREDENTIALS.c.credential_id == credential_id))).scalar_one())


async def of_cases(tx: Tx[Any], case_ids: Sequence[CaseId], *, tree: Tree | None = None) -> list[IssuedCredential]:
    """Credentials of these cases that the tree allows (all when it is None), by decision."""
    found = select(*_MASKED).where(CREDENTIALS.c.case_id.in_(case_ids))
    if tree is not None:
        found = found.where(where(tree, dict(CREDENTIALS.c.items())))
    return [_credential(row) for row in await tx.execute(found.order_by(CREDENTIALS.c.case_id, CREDENTIALS.c.decision))]


async def _tell(tx: Tx[Any], credentials: Sequence[IssuedCredential]) -> None:
    outgoing = []
    for credential in credentials:
        first = credential.sequence - len(credential.events) + 1
        outgoing += [outbox.Outgoing(event=event, sequence=first + place) for place, event in enumerate(credential.events)]
        credential.events.clear()
    await outbox.put(tx, outgoing)


def _row(credential: IssuedCredential) -> dict[str, object]:
    return {
        "credential_id": credential.credential_id,
        "decision": credential.decision,
        "state": credential.state.value,
        "issued_at": credential.issued_at,
        "valid_until": credential.valid_until,
        **credential.row,
        "body": {
            "credential_no": credential.credential_no,
            "case_no": credential.parties.case_no,
            "notice_id": credential.notice_id,
            "credential_type": credential.credential_type,
            "holder": credential.holder,
            "list_id": credential.list_id,
            "place": credential.place,
            "content": credential.content,
            "ground": encode(credential.ground),
            "sequence": credential.sequence,
            "issuer": encode(credential.issuer),
        },
    }


def _credential(row: Row[Any]) -> IssuedCredential:
    body = row.body
    valid_until: date | None = row.valid_until
    issued_at: datetime = row.issued_at
    return IssuedCredential(
        credential_id=CredentialId(row.credential_id),
        credential_no=body["credential_no"],
        case_id=CaseId(row.case_id),
        decision=row.decision,
        notice_id=NoticeId(body["notice_id"]),
        parties=Parties(
            case_no=body["case_no"],
            receiving_region=RegionCode(row.receiving_region),
            receiving_organ=OrganCode(row.receiving_organ),
            handling_region=RegionCode(row.handling_region),
            handling_organ=OrganCode(row.handling_organ),
        ),
        # A row of the version before has no such member.
        issuer=decode(Issuer, body["issuer"]) if "issuer" in body else Issuer(organ=row.handling_organ, region=row.handling_region),
        credential_type=body["credential_type"],
        holder=body["holder"],
        issued_at=issued_at,
        valid_until=valid_until,
        list_id=body["list_id"],
        place=body["place"],
        content=Digest(body["content"]),
        state=CredentialState(row.state),
        ground=_ground(row.state, body["ground"]),
        sequence=body["sequence"],
        version=row.version,
    )


def _ground(state: str, ground: str | None) -> SuspensionGround | RevocationGround | None:
    if ground is None:
        return None
    return SuspensionGround(ground) if state == CredentialState.SUSPENDED else RevocationGround(ground)
