"""Hearing decisions, issuing with their seal, and what organs do with a credential afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

import uuid_utils

from chassis.context import Subscriptions
from chassis.crash import crash_point
from chassis.database import Tx, lock
from chassis.learning import Difference, Finding, Lessons
from chassis.vault import SecretKey
from contracts.caller import Caller
from contracts.codec import encode
from contracts.delegations import name_of
from contracts.events import (
    CaseDecided,
    CaseReceived,
    CredentialResumed,
    CredentialRevoked,
    CredentialSuspended,
    DecisionSealed,
    Seal,
)
from contracts.refusals import NotFound
from contracts.values import CredentialId, JsonObject, NoticeId, digest
from credential_svc.context import Credential
from credential_svc.credential import store
from credential_svc.credential.domain import (
    MOVES,
    SHANGHAI,
    CredentialChanged,
    CredentialNotFound,
    CredentialState,
    IssuedCredential,
    Issuer,
    Parties,
    RevocationGround,
    SuspensionGround,
)
from credential_svc.credential.outside import Person
from credential_svc.credential.store import ReceivedCase
from credential_svc.qr.domain import Claims
from credential_svc.qr.handlers import make_code
from credential_svc.seal import handlers as seals
from credential_svc.seal.domain import Sealing, SealKind
from credential_svc.status import handlers as statuses
from credential_svc.status.domain import Place, Status
from rules.access import permit
from rules.identifiers import mask, mask_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A notice that can be sealed now; with the holder, where that issues a credential."""

    sealing: Sealing
    person: Person | None = None


async def on_case_received(tx: Tx[Credential], event: CaseReceived) -> None:
    """Remember who received the case: that organ may see its credential."""
    received = ReceivedCase(
        case_id=event.case_id,
        case_no=event.case_no,
        region=event.region,
        organ=event.receiving_organ,
        handling_region=event.handling_region,
        handling_organ=event.handling_organ,
    )
    await store.add_received(tx, [received])


async def on_case_decided(tx: Tx[Credential], event: CaseDecided) -> None:
    """The decision waits for its seal and, for a grant, its credential."""
    await seals.ask_for_seals(
        tx,
        [
            Sealing(
                notice_id=event.notice_id,
                case_id=event.case_id,
                root_case_id=event.root_case_id,
                region=event.region,
                organ=name_of(event.handling_organ, event.authority),
                kind=SealKind.DECISION,
                notice_digest=event.notice_digest,
                since=event.at,
                decided=event,
                next_try=event.at,
            )
        ],
    )


SUBSCRIPTIONS: Subscriptions = {CaseReceived: on_case_received, CaseDecided: on_case_decided}

MADE_AGAIN = Finding(
    rule="restore.credential-made-again",
    zh="该证照将以原编号重新生成,二维码随之更换:已发出的打印件须换发",
    en="The credential is made again under its number with a new code: printed copies must be replaced",
)


async def learn_decision_sealed(tx: Tx[Credential], event: DecisionSealed) -> list[Difference]:
    """The decision carries this seal; its credential is made again by the job, for what is kept of the holder is with intake."""
    found = await seals.learn_seal(tx, event.notice_id, seal=event.seal, credential_id=event.credential_id)
    if event.credential_id is None:
        return found
    known, _ = await store.received_and_issued(tx, [event.case_id])
    received = known.get(event.case_id)
    return [*found, MADE_AGAIN.about(event.case_id if received is None else f"{received.case_no}-{event.decision}")]


async def learn_credential_changed(
    tx: Tx[Credential], event: CredentialSuspended | CredentialResumed | CredentialRevoked
) -> list[Difference]:
    """What its organ did with a credential."""
    credential = await store.get_credential(tx, event.credential_id)
    if credential is None:
        sealing = await seals.to_be_made_again(tx, event.case_id, event.credential_id)
        if sealing is not None and sealing.done is not None:
            held = event if isinstance(event, CredentialSuspended) else None
            ended = event if isinstance(event, CredentialRevoked) else None
            sealing.done = replace(sealing.done, held=held, ended=ended)
            await seals.save_done(tx, sealing)
        return []
    await _redo(tx, credential, event)
    await store.save_credentials(tx, [credential])
    return []


LESSONS: Lessons = {
    DecisionSealed: learn_decision_sealed,
    CredentialSuspended: learn_credential_changed,
    CredentialResumed: learn_credential_changed,
    CredentialRevoked: learn_credential_changed,
}


async def _redo(
    tx: Tx[Credential], credential: IssuedCredential, event: CredentialSuspended | CredentialResumed | CredentialRevoked
) -> None:
    if isinstance(event, CredentialSuspended):
        credential.suspend(ground=SuspensionGround(event.ground), by=event.suspended_by, at=event.at)
        status = Status.SUSPENDED
    elif isinstance(event, CredentialResumed):
        credential.resume(by=event.resumed_by, at=event.at)
        status = Status.VALID
    else:
        credential.revoke(ground=RevocationGround(event.ground), by=event.revoked_by, at=event.at)
        status = Status.INVALID
    await statuses.change(tx, credential.credential_id, status=status)


async def seal_and_issue(tx: Tx[Credential], ready: Sequence[Ready]) -> int:
    """Seal notices and issue the credentials of grants, all in this transaction; how many were still to be sealed.

    What is handed out afterwards (event, credential, code) stands only once this is committed, its status with it.
    """
    persons = {each.sealing.notice_id: each.person for each in ready}
    awaiting = await seals.still_awaiting(tx, [each.sealing for each in ready])
    sealed = [(sealing, seals.make_seal(tx.context, sealing, at=tx.at)) for sealing in awaiting]
    grants = [(sealing, seal) for sealing, seal in sealed if sealing.issues and persons[sealing.notice_id] is not None]
    issued = await _issue(tx, grants, persons=cast("Mapping[NoticeId, Person]", persons))
    await seals.save_sealed(
        tx,
        [(sealing, seal) for sealing, seal in sealed if not sealing.issues or sealing.notice_id in issued],
        credentials=issued,
    )
    crash_point("in-sealing")
    return len(sealed)


async def _issue(
    tx: Tx[Credential], grants: Sequence[tuple[Sealing, Seal]], *, persons: Mapping[NoticeId, Person]
) -> dict[NoticeId, CredentialId]:
    if not grants:
        return {}
    ids = {
        sealing.notice_id: CredentialId(str(uuid_utils.uuid7())) if sealing.done is None else sealing.done.credential_id
        for sealing, _ in grants
    }
    places = await statuses.give_places(tx, list(ids.values()))
    received, before = await store.received_and_issued(tx, [sealing.case_id for sealing, _ in grants])
    again = [ids[sealing.notice_id] for sealing, _ in grants if sealing.done is not None]
    vault = tx.context.vault
    keys = vault.first_keys(tx, [one for one in ids.values() if one not in again]) | await vault.new_keys(tx, again)
    made: list[tuple[IssuedCredential, bytes]] = []
    for sealing, seal in grants:
        decided = cast("CaseDecided", sealing.decided)
        credential_id = ids[sealing.notice_id]
        made.append(
            _make(
                tx,
                decided,
                key=keys[credential_id],
                credential_id=credential_id,
                place=places[credential_id],
                received=received.get(sealing.case_id),
                person=persons[sealing.notice_id],
                at=seal.sealed_at,
            )
        )
        if sealing.done is not None:
            credential = made[-1][0]
            for event in (sealing.done.held, sealing.done.ended):
                if event is not None:
                    await _redo(tx, credential, event)
            credential.events.clear()
    for former in before:
        await _give_way(tx, former)
    await store.add_credentials(tx, made)
    return ids


def _make(
    tx: Tx[Credential],
    decided: CaseDecided,
    *,
    key: SecretKey,
    credential_id: CredentialId,
    place: Place,
    received: ReceivedCase | None,
    person: Person,
    at: datetime,
) -> tuple[IssuedCredential, bytes]:
    applicant = person.applicant
    holder = mask_name(applicant.name, legal=applicant.type == "legal")
    issuer = _issuer(tx, decided)
    claims = Claims(
        issuer=issuer.region,
        organ=issuer.organ,
        credential_no=f"{decided.case_no}-{decided.decision}",
        credential_type=decided.credential_type or "",
        holder=holder,
        holder_id=mask(applicant.id_number),
        issued_on=at.astimezone(SHANGHAI).date(),
        valid_until=decided.valid_until,
        list_id=place.list_id,
        place=place.index,
    )
    body: JsonObject = {
        "holder": cast("JsonObject", encode(applicant)),
        "holder_id": claims.holder_id,
        "content": person.form,
        "qr": make_code(tx.context, claims),
    }
    credential = IssuedCredential(
        credential_id=credential_id,
        credential_no=claims.credential_no,
        case_id=decided.case_id,
        decision=decided.decision,
        notice_id=decided.notice_id,
        parties=Parties(
            case_no=decided.case_no,
            receiving_region=decided.region,
            receiving_organ=received.organ if received else decided.handling_organ,
            handling_region=decided.handling_region,
            handling_organ=decided.handling_organ,
        ),
        issuer=issuer,
        credential_type=claims.credential_type,
        holder=holder,
        issued_at=at,
        valid_until=decided.valid_until,
        list_id=place.list_id,
        place=place.index,
        content=digest(body),
    )
    credential.issue()
    return credential, tx.context.vault.seal(key, body)


def _issuer(tx: Tx[Credential], decided: CaseDecided) -> Issuer:
    """In whose name the decision stands; whoever decides through an instrument does not issue in its own."""
    organ = name_of(decided.handling_organ, decided.authority)
    known = None if organ == decided.handling_organ else tx.context.catalogue.organ(organ)
    region = decided.handling_region if known is None else known.region
    return Issuer(organ=organ, region=region, authority=decided.authority)


async def _give_way(tx: Tx[Credential], former: IssuedCredential) -> None:
    await lock(tx, former.credential_id)
    if CredentialState.SUPERSEDED in MOVES[former.state_at(tx.at)]:
        former.supersede(at=tx.at)
        await store.save_credentials(tx, [former])
        await statuses.change(tx, former.credential_id, status=Status.INVALID)


async def suspend(
    tx: Tx[Credential], credential_id: CredentialId, *, ground: SuspensionGround, caller: Caller, version: int | None
) -> IssuedCredential:
    """Let nobody rely on it for now; published with this transaction."""

    def act(credential: IssuedCredential) -> None:
        credential.suspend(ground=ground, by=caller.ref, at=tx.at)

    return await _change(tx, credential_id, act=act, action="suspend", caller=caller, version=version, status=Status.SUSPENDED)


async def resume(tx: Tx[Credential], credential_id: CredentialId, *, caller: Caller, version: int | None) -> IssuedCredential:
    """Let it hold again; published with this transaction."""

    def act(credential: IssuedCredential) -> None:
        credential.resume(by=caller.ref, at=tx.at)

    return await _change(tx, credential_id, act=act, action="resume", caller=caller, version=version, status=Status.VALID)


async def revoke(
    tx: Tx[Credential], credential_id: CredentialId, *, ground: RevocationGround, caller: Caller, version: int | None
) -> IssuedCredential:
    """End it for ever; published with this transaction."""

    def act(credential: IssuedCredential) -> None:
        credential.revoke(ground=ground, by=caller.ref, at=tx.at)

    return await _change(tx, credential_id, act=act, action="revoke", caller=caller, version=version, status=Status.INVALID)


async def _change(
    tx: Tx[Credential],
    credential_id: CredentialId,
    *,
    act: Callable[[IssuedCredential], None],
    action: str,
    caller: Caller,
    version: int | None,
    status: Status,
) -> IssuedCredential:
    # Before the lock too: from whom it is hidden neither learns that somebody is at work on it nor holds anybody up.
    await visible(tx, credential_id, caller=caller, action=action)
    await lock(tx, credential_id)
    credential = await visible(tx, credential_id, caller=caller, action=action)
    if version is not None and version != credential.version:
        raise CredentialChanged
    act(credential)
    await store.save_credentials(tx, [credential])
    await statuses.change(tx, credential_id, status=status)
    return credential


async def visible(tx: Tx[Credential], credential_id: CredentialId, *, caller: Caller, action: str = "view") -> IssuedCredential:
    """A credential on which the caller may act so.

    Raises:
        CredentialNotFound: There is none, or not for this caller.
        Forbidden: The caller may see it but not do this.
    """
    credential = await store.get_credential(tx, credential_id)
    if credential is None:
        raise CredentialNotFound
    try:
        permit(caller, "credential", action, credential.row, regions=tx.context.catalogue, about=credential_id)
    except NotFound as hidden:
        # Absent and hidden must not differ by a rule id either.
        raise CredentialNotFound from hidden
    return credential


async def opened(tx: Tx[Credential], credential: IssuedCredential) -> JsonObject:
    """What is sealed of the holder: ``holder``, ``holder_id`` (masked), ``content``, ``qr``."""
    vault = tx.context.vault
    return vault.open(await vault.key(tx, credential.credential_id), await store.get_sealed(tx, credential.credential_id))
