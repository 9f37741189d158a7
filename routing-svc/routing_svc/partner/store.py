"""Accounts of machines, the token key, assertions used, and how far the development clock stands."""

from datetime import datetime
from typing import cast

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, LargeBinary, Table, Text, delete, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from chassis.outbox import put_document
from contracts.documents import Account, ClockOffset, PublicKey
from routing_svc.context import RoutingTx
from routing_svc.partner.domain import Machine
from routing_svc.schema import METADATA

ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("client_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("organ", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("public_key", Text, nullable=False),
)

TOKEN_KEYS = Table(
    "token_keys",
    METADATA,
    Column("kid", Text, primary_key=True),
    Column("private_sealed", LargeBinary, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
)

ASSERTIONS = Table(
    "assertions_used",
    METADATA,
    Column("client_id", Text, primary_key=True),
    Column("token_id", Text, primary_key=True),
    Column("until", DateTime(timezone=True), nullable=False),
    Index("ix_assertions_used_until", "until"),
)

OFFSETS = Table(
    "clock_offsets",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("seconds", BigInteger, nullable=False),
)

_SHARED = "shared"


async def save_machine(tx: RoutingTx, machine: Machine) -> bool:
    """Keep and publish an account with its key; False when it is the same already. The lock on ``account/<client id>`` is held."""
    if await get_machine(tx, machine.account.client_id) == machine:
        return False
    account = machine.account
    row = {
        "client_id": account.client_id,
        "name": account.name,
        "region": account.region,
        "organ": account.organ,
        "roles": list(account.roles),
        "active": account.active,
        "public_key": machine.public_pem,
    }
    new = insert(ACCOUNTS).values(row)
    await tx.execute(new.on_conflict_do_update(index_elements=[ACCOUNTS.c.client_id], set_=row))
    await put_document(tx, account)
    key = PublicKey(kid=f"{account.client_id}.1", owner=account.client_id, use="account", algorithm="", public_key=machine.public_pem)
    await put_document(tx, key)
    return True


async def get_machine(tx: RoutingTx, client_id: str) -> Machine | None:
    """One account."""
    row = (await tx.execute(select(ACCOUNTS).where(ACCOUNTS.c.client_id == client_id))).one_or_none()
    if row is None:
        return None
    account = Account(client_id=row.client_id, name=row.name, region=row.region, organ=row.organ, roles=tuple(row.roles), active=row.active)
    return Machine(account=account, public_pem=row.public_key)


async def use_assertion(tx: RoutingTx, *, client_id: str, token_id: str, until: datetime, now: datetime) -> bool:
    """Mark an assertion as used; False when it was used before. Those long expired are forgotten."""
    await tx.execute(delete(ASSERTIONS).where(ASSERTIONS.c.until < now))
    row = {"client_id": client_id, "token_id": token_id, "until": until}
    made = await tx.execute(insert(ASSERTIONS).values(row).on_conflict_do_nothing().returning(ASSERTIONS.c.token_id))
    return made.first() is not None


async def get_token_key(tx: RoutingTx, kid: str) -> bytes | None:
    """The sealed private key that signs access tokens."""
    found = (await tx.execute(select(TOKEN_KEYS.c.private_sealed).where(TOKEN_KEYS.c.kid == kid))).scalar_one_or_none()
    return cast("bytes | None", found)


async def add_token_key(tx: RoutingTx, *, kid: str, private_sealed: bytes, public_pem: str) -> None:
    """Keep the token key and publish its public half; the lock on ``key/<kid>`` is held."""
    await tx.execute(insert(TOKEN_KEYS).values(kid=kid, private_sealed=private_sealed, made_at=tx.at))
    await put_document(tx, PublicKey(kid=kid, owner=tx.context.name, use="token", algorithm="ES256", public_key=public_pem))


async def get_offset(tx: RoutingTx) -> int:
    """Seconds by which the shared clock stands ahead of real time."""
    found = (await tx.execute(select(OFFSETS.c.seconds).where(OFFSETS.c.name == _SHARED))).scalar_one_or_none()
    return int(found or 0)


async def save_offset(tx: RoutingTx, seconds: int) -> None:
    """Move the shared clock and tell every service; the lock on ``clock/offset`` is held."""
    new = insert(OFFSETS).values(name=_SHARED, seconds=seconds)
    await tx.execute(new.on_conflict_do_update(index_elements=[OFFSETS.c.name], set_={"seconds": new.excluded.seconds}))
    await put_document(tx, ClockOffset(seconds=seconds))
