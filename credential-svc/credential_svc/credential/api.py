"""Credentials: for their organ, the organ that received the case, and their holder."""

from __future__ import annotations

import io
from datetime import date, datetime
from typing import Annotated, Literal

import segno
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from chassis.database import Tx
from chassis.doors import READER, VERSION_IF_ANY, WRITER, Answer, Reader, Writer
from contracts.codec import encode
from contracts.refusals import Invalid
from contracts.values import CredentialId, JsonObject
from credential_svc.context import Credential
from credential_svc.credential import handlers, store
from credential_svc.credential.domain import CredentialNotFound, CredentialState, IssuedCredential, RevocationGround, SuspensionGround
from credential_svc.seal import handlers as seals
from credential_svc.seal.domain import SealKind, WaitingFor
from rules.access import allows, tree

router = APIRouter(prefix="/v1", tags=["credentials"])

Id = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[0-9a-zA-Z-]+$")]
Write = Annotated[Writer[Credential], WRITER]
Version = Annotated[int | None, VERSION_IF_ANY]
MODULE = 4
"""Pixels of one module of a code."""
PAPER = "M"
"""Error correction of a printed code."""


class Suspension(BaseModel):
    """Why it is suspended."""

    model_config = ConfigDict(extra="forbid")
    ground: SuspensionGround


class Revocation(BaseModel):
    """Why it is revoked."""

    model_config = ConfigDict(extra="forbid")
    ground: RevocationGround


class Changed(BaseModel):
    """What a change answers."""

    credential_id: str
    state: CredentialState
    version: int


class CredentialLine(BaseModel):
    """One credential of a case; without an id while it waits to be issued."""

    credential_id: str | None
    credential_no: str | None
    state: CredentialState | Literal["awaiting"]
    credential_type: str | None
    decision: int | None
    issued_at: datetime | None
    valid_until: date | None
    waiting_for: WaitingFor | None
    waiting_since: datetime | None


class AwaitingSeal(BaseModel):
    """A notice that is not sealed yet."""

    notice_id: str
    kind: SealKind
    since: datetime
    waiting_for: WaitingFor
    attention: bool
    """It was tried so often that somebody must look."""


class CredentialsOfCase(BaseModel):
    """What one case brought forth, and what is on its way."""

    items: list[CredentialLine]
    awaiting_seal: list[AwaitingSeal]


class CredentialView(BaseModel):
    """One credential, its holder masked unless the whole was asked for."""

    credential_id: str
    credential_no: str
    case_id: str
    case_no: str
    decision: int
    notice_id: str
    credential_type: str
    state: CredentialState
    ground: SuspensionGround | RevocationGround | None
    organ: str
    """In whose name it stands."""
    region: str
    handling_organ: str
    """The organ that decided."""
    authority: dict[str, object] | None
    """``sealed_as`` and the ``instruments`` by which it decided in that name; null where it holds the power itself."""
    holder: str
    holder_id: str
    issued_at: datetime
    valid_until: date | None
    status_list: str
    status_place: int
    content_digest: str
    qr: str
    version: int
    person: dict[str, object] | None = Field(default=None, description="Holder and content in full; only with expand=person.")


class PurposeMissing(Invalid):
    """Personal data is opened for a purpose only.

    Law: 个人信息保护法.
    """

    RULE = "credential.purpose-missing"
    ZH = "读取个人信息须说明用途(purpose)"
    EN = "Personal data is opened for a purpose: add the parameter purpose"


@router.get("/credentials", operation_id="listCredentials", response_model=CredentialsOfCase)
async def list_credentials(
    read: Annotated[Reader[Credential], READER],
    case: Annotated[str, Query(pattern=r"^[0-9A-Za-z-]{1,60}$", description="Number or id of a case.")],
) -> Response:
    """The credentials of a case, and what still waits for its seal and for what."""
    reach = tree(read.caller, "credential", "view", regions=read.context.catalogue)
    received = await store.received_by_no(read.tx, case)
    if received is None:
        raise CredentialNotFound
    awaiting = []
    parties: dict[str, object] = {
        "case_id": received.case_id,
        "receiving_region": received.region,
        "receiving_organ": received.organ,
        "handling_region": received.handling_region,
        "handling_organ": received.handling_organ,
    }
    if allows(reach, parties):
        awaiting = await seals.awaiting_of_case(read.tx, received.case_id)
    items: list[object] = [_line(credential, at=read.tx.at) for credential in await store.of_cases(read.tx, [received.case_id], tree=reach)]
    if not items and not allows(reach, parties):
        raise CredentialNotFound
    items += [
        {
            "credential_id": None,
            "credential_no": None,
            "state": "awaiting",
            "credential_type": sealing.decided.credential_type,
            "decision": sealing.decided.decision,
            "issued_at": None,
            "valid_until": encode(sealing.decided.valid_until),
            "waiting_for": sealing.waiting_for.value,
            "waiting_since": encode(sealing.since),
        }
        for sealing in awaiting
        if sealing.issues and sealing.decided is not None
    ]
    waiting = [
        {
            "notice_id": sealing.notice_id,
            "kind": sealing.kind.value,
            "since": encode(sealing.since),
            "waiting_for": sealing.waiting_for.value,
            "attention": sealing.needs_attention,
        }
        for sealing in awaiting
    ]
    return read.answer({"items": items, "awaiting_seal": waiting})  # type: ignore[dict-item]


@router.get("/credentials/{credential_id}", operation_id="getCredential", response_model=CredentialView)
async def get_credential(
    credential_id: Id,
    read: Annotated[Reader[Credential], READER],
    expand: Annotated[Literal["person"] | None, Query()] = None,
    purpose: Annotated[str | None, Query(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_-]*$")] = None,
) -> Response:
    """One credential; ``expand=person`` with a purpose opens the holder's data and leaves a trace."""
    credential = await handlers.visible(read.tx, CredentialId(credential_id), caller=read.caller)
    sealed = await handlers.opened(read.tx, credential)
    shown = _view(read.context, credential, sealed=sealed, at=read.tx.at)
    if expand == "person":
        await handlers.visible(read.tx, credential.credential_id, caller=read.caller, action="view_person")
        if purpose is None:
            raise PurposeMissing
        read.trace(aggregate="credential", action="view_person", about=credential.credential_id, purpose=purpose)
        shown["person"] = {"holder": sealed["holder"], "content": sealed["content"]}
        return read.answer(shown, headers={"cache-control": "no-store"})
    # Expiry changes the state without a new version, so the version alone is no tag of what is shown.
    return read.answer(shown, etag=credential.version if credential.valid_until is None else None)


@router.get(
    "/credentials/{credential_id}/qr",
    operation_id="getCredentialCode",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}, "image/png": {}, "text/plain": {}}, "description": "The code to print"}},
)
async def get_code(
    credential_id: Id,
    read: Annotated[Reader[Credential], READER],
    form: Annotated[Literal["svg", "png", "text"], Query(alias="format")] = "svg",
) -> Response:
    """The printed code: masked claims under the organ's seal, readable by anyone."""
    credential = await handlers.visible(read.tx, CredentialId(credential_id), caller=read.caller)
    text = str((await handlers.opened(read.tx, credential))["qr"])
    headers = {"cache-control": "private, no-cache"}
    if form == "text":
        return Response(text, media_type="text/plain; charset=us-ascii", headers=headers)
    drawn = io.BytesIO()
    segno.make_qr(text, error=PAPER, boost_error=False).save(drawn, kind=form, scale=MODULE)
    media_type = "image/svg+xml" if form == "svg" else "image/png"
    return Response(drawn.getvalue(), media_type=media_type, headers=headers)


@router.post("/credentials/{credential_id}/suspension", operation_id="suspendCredential", status_code=201, response_model=Changed)
async def suspend(credential_id: Id, body: Suspension, write: Write, version: Version) -> Response:
    """Suspend; published at once."""

    async def act(tx: Tx[Credential]) -> Answer:
        about = CredentialId(credential_id)
        return _changed(await handlers.suspend(tx, about, ground=body.ground, caller=write.caller, version=version))

    return await write(act)


@router.post("/credentials/{credential_id}/resumption", operation_id="resumeCredential", status_code=201, response_model=Changed)
async def resume(credential_id: Id, write: Write, version: Version) -> Response:
    """Let a suspended credential hold again; published at once."""

    async def act(tx: Tx[Credential]) -> Answer:
        return _changed(await handlers.resume(tx, CredentialId(credential_id), caller=write.caller, version=version))

    return await write(act)


@router.post("/credentials/{credential_id}/revocation", operation_id="revokeCredential", status_code=201, response_model=Changed)
async def revoke(credential_id: Id, body: Revocation, write: Write, version: Version) -> Response:
    """Revoke for ever; published at once."""

    async def act(tx: Tx[Credential]) -> Answer:
        about = CredentialId(credential_id)
        return _changed(await handlers.revoke(tx, about, ground=body.ground, caller=write.caller, version=version))

    return await write(act)


def _changed(credential: IssuedCredential) -> Answer:
    shown = Changed(credential_id=credential.credential_id, state=credential.state, version=credential.version)
    return Answer(status=201, body=shown, headers={"etag": f'"{credential.version}"'})


def _line(credential: IssuedCredential, *, at: datetime) -> JsonObject:
    return {
        "credential_id": credential.credential_id,
        "credential_no": credential.credential_no,
        "state": credential.state_at(at).value,
        "credential_type": credential.credential_type,
        "decision": credential.decision,
        "issued_at": encode(credential.issued_at),
        "valid_until": encode(credential.valid_until),
        "waiting_for": None,
        "waiting_since": None,
    }


def _view(context: Credential, credential: IssuedCredential, *, sealed: JsonObject, at: datetime) -> JsonObject:
    return {
        "credential_id": credential.credential_id,
        "credential_no": credential.credential_no,
        "case_id": credential.case_id,
        "case_no": credential.parties.case_no,
        "decision": credential.decision,
        "notice_id": credential.notice_id,
        "credential_type": credential.credential_type,
        "state": credential.state_at(at).value,
        "ground": encode(credential.ground),
        "organ": credential.issuer.organ,
        "region": credential.issuer.region,
        "handling_organ": credential.parties.handling_organ,
        "authority": encode(credential.issuer.authority),
        "holder": credential.holder,
        "holder_id": sealed["holder_id"],
        "issued_at": encode(credential.issued_at),
        "valid_until": encode(credential.valid_until),
        "status_list": context.settings.status_list_url(credential.list_id),
        "status_place": credential.place,
        "content_digest": credential.content,
        "qr": sealed["qr"],
        "version": credential.version,
    }
