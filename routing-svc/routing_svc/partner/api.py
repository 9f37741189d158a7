"""Routes for machines, and the development clock."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.doors import PUBLIC_READER, READER, WRITER, Answer, Reader, Writer, context_of, write_json
from contracts.refusals import NotFound
from routing_svc.context import Routing, RoutingTx
from routing_svc.partner import handlers, store
from routing_svc.partner.domain import TOKEN_LIFETIME, GrantUnsupported, NoSuchPath

router = APIRouter(tags=["partners"])

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Token(BaseModel):
    """An access token."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the kind of token, no secret
    expires_in: int


class AccountShown(BaseModel):
    """The caller's own account."""

    client_id: str
    name: str
    region: str
    organ: str
    roles: list[str]
    active: bool


class MoveClock(BaseModel):
    """Let time pass."""

    model_config = ConfigDict(extra="forbid")

    forward: Annotated[timedelta, Field(gt=timedelta(), le=timedelta(days=400))]
    """ISO 8601 duration, e.g. ``P3D``."""


class ClockShown(BaseModel):
    """Where the shared clock stands."""

    now: datetime
    offset_seconds: int


@router.post("/token", operation_id="giveToken", response_model=Token)
async def give_token(
    request: Request,
    grant_type: Annotated[str, Form(max_length=100)],
    client_assertion_type: Annotated[str, Form(max_length=200)],
    client_assertion: Annotated[str, Form(max_length=8000)],
) -> Response:
    """An access token for ten minutes (OAuth 2 client_credentials with private_key_jwt); public."""
    if grant_type != "client_credentials" or client_assertion_type != ASSERTION_TYPE:
        raise GrantUnsupported
    context: Routing = context_of(request)
    async with context.database.begin(context) as tx:
        token = await handlers.give_token(tx, client_assertion, endpoint=str(request.url))
    body = Token(access_token=token, expires_in=int(TOKEN_LIFETIME.total_seconds()))
    return Response(write_json(body), media_type="application/json", headers={"cache-control": "no-store"})


@router.get("/partners/me", operation_id="readOwnAccount", response_model=AccountShown)
async def read_own_account(read: Annotated[Reader[Routing], READER]) -> Response:
    """The account behind the caller's token."""
    machine = await store.get_machine(read.tx, read.caller.account)
    if machine is None or read.caller.kind != "machine":
        raise NotFound
    account = machine.account
    return read.answer(
        AccountShown(
            client_id=account.client_id,
            name=account.name,
            region=account.region,
            organ=account.organ,
            roles=list(account.roles),
            active=account.active,
        )
    )


@router.post("/dev/now", operation_id="moveClock", response_model=ClockShown)
async def move_clock(body: MoveClock, write: Annotated[Writer[Routing], WRITER]) -> Response:
    """Let time pass for all services; development only, forward only."""

    async def act(tx: RoutingTx) -> Answer:
        return Answer(status=200, body=await handlers.move_clock(tx, forward=body.forward, caller=write.caller))

    return await write(act)


@router.get("/dev/now", operation_id="readClock", response_model=ClockShown)
async def read_clock(read: Annotated[Reader[Routing], PUBLIC_READER]) -> Response:
    """Where the shared clock stands at this service; development only."""
    context = read.context
    if not context.settings.development:
        raise NoSuchPath
    return read.answer(ClockShown(now=context.now.now(), offset_seconds=int(context.now.offset.total_seconds())))
