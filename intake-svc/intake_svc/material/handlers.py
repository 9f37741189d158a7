"""What is done with materials: kept, claimed by a case, opened again, let go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from chassis.database import Tx
from chassis.vault import SecretKey, Unreadable
from contracts.caller import Caller
from contracts.refusals import NotFound
from contracts.values import OrganCode, digest
from intake_svc.context import Intake
from intake_svc.material import store
from intake_svc.material.domain import UNCLAIMED_FOR, Claim, Incoming, Material, MaterialNotFound
from rules.access import permit

EXPIRED_AT_ONCE = 100
"""Unclaimed materials let go in one transaction."""

_NUMBER_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Upload:
    """A file that has come in whole."""

    material_id: str
    """UUIDv7, as yet of nothing."""
    incoming: Incoming
    pieces: Sequence[bytes]
    caller: Caller


async def keep_materials(tx: Tx[Intake], uploads: Sequence[Upload]) -> list[Material]:
    """Seal the pieces of each upload under a key of its own and store them; no case has them yet."""
    keys = tx.context.vault.first_keys(tx, [_owner(upload.material_id) for upload in uploads])
    kept = [
        Material(
            material_id=upload.material_id,
            digest=upload.incoming.digest,
            size=upload.incoming.size,
            media_type=upload.incoming.media_type,
            uploader=uploader_key(tx.context, upload.caller),
            organ=upload.caller.organ,
            at=tx.at,
        )
        for upload in uploads
    ]
    sealed = [
        [_seal(keys[_owner(upload.material_id)], piece, number=number) for number, piece in enumerate(upload.pieces)] for upload in uploads
    ]
    await store.save_materials(tx, list(zip(kept, sealed, strict=True)))
    return kept


async def list_claimable(tx: Tx[Intake], material_ids: Sequence[str], *, caller: Caller, keep: bool = False) -> dict[str, Material]:
    """Of these materials the ones that no case has and that this caller may hand in.

    Args:
        tx: Open transaction.
        material_ids: As named in an application.
        caller: Who hands in.
        keep: Hold them until the commit, so that none goes before it is claimed.
    """
    [found] = await list_claimables(tx, [(material_ids, caller)], keep=keep)
    return found


async def list_claimables(
    tx: Tx[Intake], asked: Sequence[tuple[Sequence[str], Caller]], *, keep: bool = False
) -> list[dict[str, Material]]:
    """`list_claimable` for several applications in one query."""
    free = await store.get_unclaimed(tx, sorted({one for material_ids, _ in asked for one in material_ids}), keep=keep)
    found = []
    for material_ids, caller in asked:
        uploader, colleagues = uploader_key(tx.context, caller), _colleagues(tx, caller)
        named = {one: free[one] for one in material_ids if one in free}
        found.append({key: one for key, one in named.items() if one.may_be_claimed_by(uploader, organs=colleagues)})
    return found


async def list_claimed(tx: Tx[Intake], material_ids: Sequence[str]) -> dict[str, Material]:
    """Materials that a case has already, for checking it again."""
    return await store.get_materials(tx, material_ids)


async def claim_materials(tx: Tx[Intake], claims: Sequence[Claim]) -> None:
    """Give materials to their cases.

    Raises:
        MaterialClaimed: Another case was quicker.
    """
    await store.save_claims(tx, claims)


async def view_material(tx: Tx[Intake], material_id: str, *, caller: Caller) -> tuple[Material, Claim | None]:
    """See what a material is: both sides of its case and the applicant may; before it has a case, whoever may claim it.

    Raises:
        MaterialNotFound: There is none, or it is not this caller's to see.
    """
    material = (await store.get_materials(tx, [material_id])).get(material_id)
    if material is None:
        raise MaterialNotFound
    claim = await store.get_claim(tx, material_id)
    if claim is None:
        if not material.may_be_claimed_by(uploader_key(tx.context, caller), organs=_colleagues(tx, caller)):
            raise MaterialNotFound
        return material, None
    row = {
        "case_id": claim.case_id,
        "receiving_region": claim.receiving_region,
        "receiving_organ": claim.receiving_organ,
        "handling_region": claim.handling_region,
        "handling_organ": claim.handling_organ,
        "applicant_key": claim.applicant_key,
    }
    keys = tx.context.applicant_keys(caller)
    try:
        permit(caller, "case", "view_material", row, regions=tx.context.catalogue, about=claim.case_id, applicant_keys=keys)
    except NotFound as hidden:
        raise MaterialNotFound from hidden
    return material, claim


async def open_material(tx: Tx[Intake], material: Material) -> bytes:
    """The plain bytes.

    Raises:
        MaterialNotFound: Its key was destroyed.
    """
    try:
        key = await tx.context.vault.key(tx, _owner(material.material_id))
        content = b"".join([piece async for piece in _pieces(tx, material.material_id, key=key)])
    except Unreadable as error:
        raise MaterialNotFound from error
    if digest(content) != material.digest:
        raise MaterialNotFound
    return content


async def expire_materials(tx: Tx[Intake]) -> int:
    """Let go what no case claimed in time, key and all; how many went, at most `EXPIRED_AT_ONCE`."""
    gone = await store.find_unclaimed(tx, before=tx.at - UNCLAIMED_FOR, limit=EXPIRED_AT_ONCE)
    for material_id in gone:
        await tx.context.vault.destroy(tx, _owner(material_id))
    await store.delete_materials(tx, gone)
    return len(gone)


def uploader_key(context: Intake, caller: Caller) -> str:
    """A keyed hash of who uploads: an account may be a person's."""
    return context.vault.lookup(f"uploader:{caller.ref}")


async def _pieces(tx: Tx[Intake], material_id: str, *, key: SecretKey) -> AsyncIterator[bytes]:
    async for number, sealed in store.read_chunks(tx, material_id):
        plain = key.open(sealed)
        if int.from_bytes(plain[:_NUMBER_BYTES]) != number:
            raise Unreadable("pieces stand in another order")
        yield plain[_NUMBER_BYTES:]


def _seal(key: SecretKey, piece: bytes, *, number: int) -> bytes:
    """A piece carries its number inside the seal, so pieces cannot be put in another order."""
    return key.seal(number.to_bytes(_NUMBER_BYTES) + piece)


def _owner(material_id: str) -> str:
    return f"material:{material_id}"


def _colleagues(tx: Tx[Intake], caller: Caller) -> frozenset[OrganCode]:
    return frozenset() if caller.organ is None else tx.context.catalogue.one_with(caller.organ)
