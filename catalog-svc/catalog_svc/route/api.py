"""Routes of routes: who is competent, and the keys that the answers are signed with."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel

from catalog_svc.context import Catalog
from catalog_svc.proposal.api import FAR_AHEAD, LONG_AGO, NOT_TO_BE_KEPT, PUBLIC_FOR_A_WHILE, OwnHeard
from catalog_svc.route import handlers
from chassis.doors import PUBLIC_READER, Reader
from chassis.problems import Behind
from contracts.codec import encode, encode_object
from contracts.documents import PublicKey
from contracts.values import Direction, ItemCode, Mode, RegionCode, Way
from rules.competence import NoRoute
from rules.receivers import Receivers

router = APIRouter(prefix="/v1", tags=["routes"])


class Considered(BaseModel):
    """One step of the decision."""

    rule: str
    outcome: str
    zh: str
    en: str


class RouteBody(BaseModel):
    """Who decides, on what ground, as of an instant."""

    item_code: str
    item_id: str
    version_id: str
    receiving_region: str
    matter_region: str
    handling_region: str
    handling_organ: str
    sealed_as: str
    """The organ in whose name the decision is sealed."""
    delegations: list[str]
    """The instruments that brought the power to the handling organ."""
    assisting: list[str]
    """Organs that receive and assist and do not decide."""
    direction: Direction
    way: Way | None
    mode: Mode
    agreement_id: str | None
    limits: dict[str, dict[str, object]] | None
    rule: str
    considered: list[Considered]
    instant: str
    positions: dict[str, list[int]]
    """By topic, how far the index had read."""


class RouteShown(BaseModel):
    """A route that may be used until an instant, with its proof."""

    route: RouteBody
    parts: dict[str, str]
    """Digests of the version's parts."""
    valid_until: str
    proof: str
    """Compact JWS (Ed25519) over the canonical JSON of ``route``."""


class RouteKeys(BaseModel):
    """Keys that routes were signed with."""

    keys: list[PublicKey]


@router.get("/routes", operation_id="findRoute", response_model=RouteShown)
async def find_route(
    heard: OwnHeard,
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    request: Request,
    item: Annotated[str, Query(pattern=r"^[0-9A-Z]{12}$")],
    region: Annotated[str, Query(pattern=r"^[0-9]{6,12}$", description="办理地 / where the matter belongs")],
    origin: Annotated[str, Query(alias="from", pattern=r"^[0-9]{6,12}$", description="收件地 / where it is handed in")],
    mode: Mode | None = None,
    situation: Annotated[str | None, Query(max_length=80, pattern=r"^[^\x00]+$")] = None,
    at: Annotated[AwareDatetime | None, Query(ge=LONG_AGO, le=FAR_AHEAD)] = None,
) -> Response:
    """Name the organ that must decide, with every step that led to it; without one, the problem names the reason, and in ``considered`` the steps until there."""
    try:
        found = await handlers.find_route(
            read.tx,
            item_code=ItemCode(item),
            receiving_region=RegionCode(origin),
            handling_region=RegionCode(region),
            mode=mode,
            at=at,
            situation=situation,
        )
    except NoRoute as reason:
        if not heard:
            # What the caller has just published may be the very reason why there is a route now.
            raise Behind(retry_after=1) from reason
        raise
    tag = f'"{found.tag}"'
    headers = {"etag": tag, **(PUBLIC_FOR_A_WHILE if heard else NOT_TO_BE_KEPT)}
    if heard and tag in {part.strip() for part in request.headers.get("if-none-match", "").split(",")}:
        return Response(status_code=304, headers=headers)
    body = {"route": found.route, "parts": found.parts, "valid_until": encode(found.valid_until), "proof": found.proof}
    read.behind = read.behind or not heard
    return read.answer(body, headers=headers)


@router.get("/routes/receivers", operation_id="listReceivers", response_model=Receivers)
async def list_receivers(
    heard: OwnHeard,
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    item: Annotated[str, Query(pattern=r"^[0-9A-Z]{12}$")],
    region: Annotated[str, Query(pattern=r"^[0-9]{6,12}$", description="办理地 / where the matter belongs")],
    situation: Annotated[str | None, Query(max_length=80, pattern=r"^[^\x00]+$")] = None,
    at: Annotated[AwareDatetime | None, Query(ge=LONG_AGO, le=FAR_AHEAD)] = None,
) -> Response:
    """Where an item may be handed in for a matter, as sets of regions, each with its ground."""
    try:
        found = handlers.find_receivers(read.tx, item_code=ItemCode(item), handling_region=RegionCode(region), at=at, situation=situation)
    except NoRoute as reason:
        if not heard:
            raise Behind(retry_after=1) from reason
        raise
    read.behind = read.behind or not heard
    return read.answer(encode_object(found), headers=PUBLIC_FOR_A_WHILE if heard else NOT_TO_BE_KEPT)


@router.get("/.well-known/tongban-route-keys", operation_id="listRouteKeys", response_model=RouteKeys)
async def list_route_keys(read: Annotated[Reader[Catalog], PUBLIC_READER]) -> Response:
    """The public keys of route answers."""
    return read.answer({"keys": [*await handlers.public_keys(read.tx)]}, headers={"cache-control": "public, max-age=300"})
