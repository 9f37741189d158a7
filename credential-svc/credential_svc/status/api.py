"""Status lists, for anyone."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from chassis.doors import PUBLIC_READER, Reader
from credential_svc.context import Credential
from credential_svc.seal.api import installation_key
from credential_svc.seal.outside import SigningKey
from credential_svc.status import handlers

router = APIRouter(prefix="/v1", tags=["status"])

MEDIA_TYPE = "application/statuslist+jwt"


@router.get(
    "/status-lists/{list_id}",
    operation_id="getStatusList",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}, "description": "Token Status List, two bits a place"}},
)
async def get_status_list(
    list_id: Annotated[int, Path(ge=1, le=1_000_000)],
    key: Annotated[SigningKey, Depends(installation_key)],
    read: Annotated[Reader[Credential], PUBLIC_READER],
) -> Response:
    """One list as a signed token; names nobody."""
    token = await handlers.publish(read.tx, list_id, key=key)
    return Response(token, media_type=MEDIA_TYPE, headers={"cache-control": f"public, max-age={handlers.FRESH_FOR}"})
