"""Open accounts of machines, give them tokens, move the development clock."""

import base64
import secrets
from datetime import UTC, datetime, timedelta

from chassis.database import lock
from contracts.caller import Caller
from contracts.documents import Account
from contracts.values import JsonObject
from routing_svc.context import Routing, RoutingTx
from routing_svc.partner import outside, store
from routing_svc.partner.domain import (
    FARTHEST,
    TOKEN_ISSUER,
    AssertionUsed,
    ClientRefused,
    ClockTooFar,
    Machine,
    NoSuchPath,
    token_claims,
)
from rules.access import permit

TOKEN_KID = "routing.token.1"  # noqa: S105 - a name, no secret


async def open_account(tx: RoutingTx, account: Account, *, public_pem: str) -> bool:
    """Open an account, or change it; False when nothing changed."""
    await lock(tx, f"account/{account.client_id}", f"key/{account.client_id}.1")
    return await store.save_machine(tx, Machine(account=account, public_pem=public_pem))


async def give_token(tx: RoutingTx, assertion: str, *, endpoint: str) -> str:
    """An access token for an assertion that an active account's key signed, once.

    Raises:
        ClientRefused: It proves no active account, or is not for us, or not for now.
        AssertionUsed: It was used before.
    """
    client_id = outside.claimed_client(assertion)
    machine = None if client_id is None else await store.get_machine(tx, client_id)
    checked = None if machine is None else outside.check_assertion(assertion, public_pem=machine.public_pem)
    now = datetime.now(UTC)
    if machine is None or checked is None or not machine.account.active:
        raise ClientRefused
    if checked.client_id != client_id or not checked.holds(at=now, audiences=frozenset({TOKEN_ISSUER, endpoint})):
        raise ClientRefused
    if not await store.use_assertion(tx, client_id=client_id, token_id=checked.token_id, until=checked.expires_at, now=now):
        raise AssertionUsed
    claims = token_claims(machine.account, token_id=secrets.token_hex(16), at=now)
    return outside.sign_token(claims, kid=TOKEN_KID, private_pem=await _token_key(tx))


async def prepare(context: Routing) -> None:
    """What must stand before the service answers: the token key, and the clock where it stood."""
    async with context.database.begin(context) as tx:
        await lock(tx, f"key/{TOKEN_KID}")
        if await store.get_token_key(tx, TOKEN_KID) is None:
            made = outside.make_token_key()
            secret = await context.vault.new_key(tx, TOKEN_KID)
            sealed = context.vault.seal(secret, {"private": base64.b64encode(made.private_pem.encode()).decode()})
            await store.add_token_key(tx, kid=TOKEN_KID, private_sealed=sealed, public_pem=made.public_pem)
        seconds = await store.get_offset(tx)
    if seconds and context.settings.development:
        context.now.set_offset(seconds)


async def move_clock(tx: RoutingTx, *, forward: timedelta, caller: Caller) -> JsonObject:
    """Let time pass for all services, in development only, forward only.

    Raises:
        NoSuchPath: This installation is not for development.
        Forbidden: The caller is no operator.
        ClockTooFar: Beyond `FARTHEST`.
    """
    context = tx.context
    if not context.settings.development:
        raise NoSuchPath
    permit(caller, "clock", "move", {}, regions=context.catalogue, about="clock/offset")
    await lock(tx, "clock/offset")
    seconds = await store.get_offset(tx) + int(forward.total_seconds())
    if seconds > FARTHEST.total_seconds():
        raise ClockTooFar
    await store.save_offset(tx, seconds)
    tx.after_commit(lambda: context.now.set_offset(seconds))
    return {"now": (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z"), "offset_seconds": seconds}


async def _token_key(tx: RoutingTx) -> str:
    sealed = await store.get_token_key(tx, TOKEN_KID)
    if sealed is None:
        raise ClientRefused
    secret = await tx.context.vault.key(tx, TOKEN_KID)
    return base64.b64decode(str(tx.context.vault.open(secret, sealed)["private"])).decode()
