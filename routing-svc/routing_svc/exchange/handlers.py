"""Give signed receipts, each under the exchange key of the organ it stands for."""

import base64
from collections.abc import Sequence

from chassis.database import lock
from contracts.events import Receipt
from contracts.values import CaseId, OrganCode
from routing_svc.context import OpenedKey, RoutingTx
from routing_svc.exchange import outside, store
from routing_svc.exchange.domain import Step, draft_receipt, signed, signed_bytes


async def give_receipts(tx: RoutingTx, case_id: CaseId, steps: Sequence[Step]) -> tuple[Receipt, ...]:
    """Sign and keep receipts for steps, in this order; the case's lock is held."""
    keys = await _keys(tx, sorted({step.organ for step in steps}))
    previous = await store.last_receipt(tx, case_id)
    given: list[Receipt] = []
    for step in steps:
        key = keys[step.organ]
        draft = draft_receipt(step, case_id=case_id, kid=key.kid, previous=previous)
        previous = signed(draft, signature=key.sign(signed_bytes(draft)))
        given.append(previous)
    await store.save_receipts(tx, given)
    return tuple(given)


async def receipts_of(tx: RoutingTx, case_id: CaseId) -> tuple[Receipt, ...]:
    """All receipts of a case, in order."""
    return await store.get_receipts(tx, case_id)


async def _keys(tx: RoutingTx, organs: Sequence[OrganCode]) -> dict[OrganCode, OpenedKey]:
    opened = tx.context.exchange_keys
    wanted = [organ for organ in organs if organ not in opened]
    if not wanted:
        return {organ: opened[organ] for organ in organs}
    stored = {key.organ: key for key in await store.get_keys(tx, wanted)}
    if missing := [organ for organ in wanted if organ not in stored]:
        # Only to make one: whoever opens what is kept waits for nobody, though each case of a transaction may need another organ's.
        await lock(tx, *(_owner(organ) for organ in missing))
        stored |= {key.organ: key for key in await store.get_keys(tx, missing)}
    found: dict[OrganCode, OpenedKey] = {}
    for organ in wanted:
        found[organ] = await _open(tx, stored[organ]) if organ in stored else await _make(tx, organ)
    # Only once committed: a key of a transaction that was rolled back must sign nothing.
    tx.after_commit(lambda: opened.update(found))
    return {organ: opened.get(organ) or found[organ] for organ in organs}


async def _make(tx: RoutingTx, organ: OrganCode) -> OpenedKey:
    pair = outside.make_key()
    secret = await tx.context.vault.new_key(tx, _owner(organ))
    sealed = tx.context.vault.seal(secret, {"private": base64.b64encode(pair.private).decode()})
    kid = f"{organ}.exchange.1"
    await store.add_key(tx, store.StoredKey(organ=organ, kid=kid, public_pem=pair.public_pem, private_sealed=sealed))
    return OpenedKey(kid=kid, sign=outside.signer(pair.private))


async def _open(tx: RoutingTx, key: store.StoredKey) -> OpenedKey:
    secret = await tx.context.vault.key(tx, _owner(key.organ))
    held = tx.context.vault.open(secret, key.private_sealed)
    return OpenedKey(kid=key.kid, sign=outside.signer(base64.b64decode(str(held["private"]))))


def _owner(organ: OrganCode) -> str:
    return f"exchange/{organ}"
