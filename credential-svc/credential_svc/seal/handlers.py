"""Hearing what must be sealed, keeping the organs' keys, sealing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from chassis.context import Subscriptions
from chassis.database import Tx, lock
from chassis.learning import Difference, Finding, Lessons
from chassis.logs import get_logger
from contracts.codec import encode
from contracts.delegations import name_of
from contracts.events import CaseAccepted, CaseExtended, CaseNotAccepted, CaseSuspended, CorrectionNoticed, NoticeSealed, Seal
from contracts.values import CaseId, CredentialId, JsonObject, NoticeId, OrganCode, RegionCode, canonical_json
from credential_svc.context import Credential
from credential_svc.seal import store
from credential_svc.seal.domain import INSTALLATION, Done, Sealing, SealKind, SealNotFound, WaitingFor, sealed_content
from credential_svc.seal.outside import ALGORITHM, SigningKey, base64url

NOTICE_LOST = Finding(
    rule="restore.notice-unknown",
    zh="日志上有该文书的签章,但没有文书本身:请向办理机关核对",
    en="The log shows the seal of this notice but not the notice: ask the handling organ",
)
KEY_LOST = Finding(
    rule="restore.seal-key-lost",
    zh="该印章私钥在备份之后生成,已随数据库丢失;其公钥须从先前下载的信任列表补入,今后用新印章",
    en="This seal key was made after the backup and is lost; keep its public half from a trust list fetched before, a new key seals from now on",
)

TRUST_LIST_HOLDS = timedelta(days=1)
"""How long a verifier may use a trust list before it fetches the next; ours."""

_log = get_logger()


async def ask_for_seals(tx: Tx[Credential], sealings: Sequence[Sealing]) -> None:
    """Write what must be sealed and wake the job once that is committed; a repeat changes nothing."""
    await store.add_sealings(tx, sealings)
    tx.after_commit(tx.context.sealing_asked.set)


async def on_case_accepted(tx: Tx[Credential], event: CaseAccepted) -> None:
    """The notice of acceptance waits for its seal."""
    await _ask(tx, event, kind=SealKind.ACCEPTANCE)


async def on_case_not_accepted(tx: Tx[Credential], event: CaseNotAccepted) -> None:
    """The notice of non-acceptance waits for its seal."""
    await _ask(tx, event, kind=SealKind.NON_ACCEPTANCE)


async def on_correction_noticed(tx: Tx[Credential], event: CorrectionNoticed) -> None:
    """The correction notice waits for its seal."""
    await _ask(tx, event, kind=SealKind.CORRECTION)


async def on_case_suspended(tx: Tx[Credential], event: CaseSuspended) -> None:
    """The notice that time stands still waits for its seal."""
    await _ask(tx, event, kind=SealKind.SUSPENSION)


async def on_case_extended(tx: Tx[Credential], event: CaseExtended) -> None:
    """The notice of more time waits for its seal."""
    await _ask(tx, event, kind=SealKind.EXTENSION)


SUBSCRIPTIONS: Subscriptions = {
    CaseAccepted: on_case_accepted,
    CaseNotAccepted: on_case_not_accepted,
    CorrectionNoticed: on_correction_noticed,
    CaseSuspended: on_case_suspended,
    CaseExtended: on_case_extended,
}


async def learn_notice_sealed(tx: Tx[Credential], event: NoticeSealed) -> list[Difference]:
    """The notice carries this seal."""
    return await learn_seal(tx, event.notice_id, seal=event.seal)


LESSONS: Lessons = {NoticeSealed: learn_notice_sealed}


async def learn_seal(tx: Tx[Credential], notice_id: NoticeId, *, seal: Seal, credential_id: CredentialId | None = None) -> list[Difference]:
    """Know a seal again that the log shows; with a credential, that it must be made again."""
    found = await store.get_sealings(tx, [notice_id])
    if not found:
        return [NOTICE_LOST.about(notice_id)]
    for sealing in found:
        if sealing.seal is None:
            if credential_id is None:
                sealing.apply(seal)
            else:
                sealing.done = Done(seal=seal, credential_id=credential_id)
    await store.save_sealings(tx, found)
    return [] if await store.get_key_by_kid(tx, seal.kid) else [KEY_LOST.about(seal.kid)]


async def to_be_made_again(tx: Tx[Credential], case_id: CaseId, credential_id: CredentialId) -> Sealing | None:
    """The sealing that will make a credential again; None when the credential is there."""
    return await store.of_credential(tx, case_id, credential_id)


async def save_done(tx: Tx[Credential], sealing: Sealing) -> None:
    """Store what is to be made again; the caller holds the case's lock."""
    await store.save_sealings(tx, [sealing])


async def ready_keys(context: Credential, owners: Collection[OrganCode]) -> frozenset[OrganCode]:
    """Have the keys of these organs in use, making those that are missing; the organs that have one.

    An organ that the catalogue does not name, or that is not hosted here, gets none; nor does one whose key cannot be opened now, and the
    others go on. Called before a sealing begins, in a transaction of its own: a key must be committed before anything is signed with it.
    """
    have = set()
    for organ in sorted(owners):
        found = context.catalogue.organ(organ)
        if found is not None and found.hosted:
            try:
                await _key(context, organ, region=found.region)
            except Exception as error:  # noqa: BLE001 - the key of one organ must not hold up the seals of all
                _log.warning("seal_key.failed", name=organ, exc_info=error)
            else:
                have.add(organ)
    return frozenset(have)


async def installation_key(context: Credential) -> SigningKey:
    """The key that signs trust list and status lists."""
    return await _key(context, INSTALLATION, region=None)


async def still_awaiting(tx: Tx[Credential], sealings: Sequence[Sealing]) -> list[Sealing]:
    """Lock the cases and read again what is still to be sealed, by notice."""
    await lock(tx, *(sealing.root_case_id for sealing in sealings))
    found = await store.get_sealings(tx, [sealing.notice_id for sealing in sealings])
    return sorted((sealing for sealing in found if sealing.seal is None), key=lambda sealing: sealing.notice_id)


def make_seal(context: Credential, sealing: Sealing, *, at: datetime) -> Seal:
    """Seal a notice with its organ's key, which `ready_keys` has in use; one that was sealed before keeps that seal."""
    if sealing.done is not None:
        return sealing.done.seal
    key = context.signing_keys[sealing.organ]
    content = sealed_content(organ=sealing.organ, kid=key.kid, notice_digest=sealing.notice_digest, sealed_at=at)
    signature = key.sign_text(canonical_json(content))
    return Seal(organ=sealing.organ, kid=key.kid, digest=sealing.notice_digest, sealed_at=at, signature=signature)


async def save_sealed(tx: Tx[Credential], sealed: Sequence[tuple[Sealing, Seal]], *, credentials: Mapping[NoticeId, CredentialId]) -> None:
    """Put the seals on and tell it; the caller holds the cases' locks."""
    for sealing, seal in sealed:
        sealing.apply(seal, credential_id=credentials.get(sealing.notice_id))
    await store.save_sealings(tx, [sealing for sealing, _ in sealed])


async def postpone(tx: Tx[Credential], waiting: Mapping[NoticeId, WaitingFor], sealings: Sequence[Sealing]) -> None:
    """Try these again later and show what they wait for."""
    found = await still_awaiting(tx, sealings)
    for sealing in found:
        sealing.postpone(reason=waiting[sealing.notice_id], at=tx.at)
    await store.save_sealings(tx, found)


async def due(tx: Tx[Credential], *, limit: int) -> list[Sealing]:
    """What may be tried now."""
    return await store.due_sealings(tx, at=tx.at, limit=limit)


async def awaiting(tx: Tx[Credential], *, limit: int) -> list[Sealing]:
    """What waits for its seal, in all cases."""
    return await store.list_awaiting(tx, limit=limit)


async def awaiting_of_case(tx: Tx[Credential], case_id: CaseId) -> list[Sealing]:
    """What still waits of one case."""
    return await store.awaiting_of_case(tx, case_id)


async def get_seal(tx: Tx[Credential], notice_id: NoticeId) -> Sealing:
    """A notice and, once it is there, its seal.

    Raises:
        SealNotFound: No such notice was heard of.
    """
    found = await store.get_sealings(tx, [notice_id])
    if not found:
        raise SealNotFound
    return found[0]


async def issuer_of(tx: Tx[Credential], kid: str) -> store.StoredKey | None:
    """Whose key a name stands for, if an organ's; None for an unknown one."""
    key = await store.get_key_by_kid(tx, kid)
    return None if key is None or key.owner == INSTALLATION else key


async def trust_list(tx: Tx[Credential]) -> JsonObject:
    """The organs' public keys, to be signed."""
    keys = await store.all_keys(tx)
    organs = tx.context.catalogue
    return {
        "as_of": encode(tx.at),
        "expires": encode(tx.at + TRUST_LIST_HOLDS),
        "keys": [
            {
                "kid": key.kid,
                "organ": key.owner,
                "organ_name": organ.name if (organ := organs.organ(OrganCode(key.owner))) else "",
                "region": key.region,
                "algorithm": ALGORITHM,
                "public_key": base64url(key.public_key),
            }
            for key in keys
            if key.owner != INSTALLATION
        ],
    }


async def _ask(
    tx: Tx[Credential], event: CaseAccepted | CaseNotAccepted | CorrectionNoticed | CaseSuspended | CaseExtended, *, kind: SealKind
) -> None:
    await ask_for_seals(
        tx,
        [
            Sealing(
                notice_id=event.notice_id,
                case_id=event.case_id,
                root_case_id=event.root_case_id,
                region=event.region,
                organ=name_of(event.handling_organ, event.authority),
                kind=kind,
                notice_digest=event.notice_digest,
                since=event.at,
                next_try=event.at,
            )
        ],
    )


async def _key(context: Credential, owner: str, *, region: RegionCode | None) -> SigningKey:
    if owner in context.signing_keys:
        return context.signing_keys[owner]
    vault_owner = f"seal-key/{owner}"
    async with context.database.begin(context) as tx:
        await lock(tx, vault_owner)
        stored = await store.get_key(tx, owner)
        wrapping = await context.vault.new_key(tx, vault_owner)
        if stored is None:
            key, secret = SigningKey.make()
            await store.add_key(
                tx,
                store.StoredKey(owner=owner, kid=key.kid, region=region, public_key=key.public, sealed=wrapping.seal(secret), at=tx.at),
            )
        else:
            key = SigningKey(wrapping.open(stored.sealed))
    context.signing_keys[owner] = key
    return key
