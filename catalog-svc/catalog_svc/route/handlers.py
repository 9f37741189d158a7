"""Who is competent: decided by the shared rule over the index, signed so that a case can pin it."""

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta

import uuid_utils

from catalog_svc.context import Catalog
from catalog_svc.route import store
from catalog_svc.route.outside import RouteSigner, make_key
from chassis.database import Tx, lock
from contracts.codec import encode_object
from contracts.documents import PARTS, RULES, VERSIONS
from contracts.values import ItemCode, Json, JsonObject, Mode, RegionCode, digest
from rules import receivers
from rules.competence import decide
from rules.receivers import Receivers

VALID_FOR = timedelta(seconds=30)
"""How long an answer may be used again; whoever receives a case decides anew as of receipt."""

_LOCK = "route-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRoute:
    """A route with what is needed to use it and to prove it."""

    route: JsonObject
    parts: JsonObject
    """Digests of the version's parts."""
    valid_until: datetime
    proof: str
    """Compact JWS over the canonical route."""
    tag: str
    """Equal while the same organ, version and agreement answer."""


async def open_signer(context: Catalog) -> None:
    """Take the route key into memory; makes it at the very first start."""
    async with context.database.begin(context) as tx:
        await lock(tx, _LOCK)
        keys = await store.get_keys(tx)
        kid = keys[0][0] if keys else f"route.{uuid_utils.uuid7()}"
        secret = await context.vault.new_key(tx, f"route-key/{kid}")
        if keys:
            private = base64.b64decode(str(context.vault.open(secret, keys[0][1])["private"]))
        else:
            private = make_key().private
            sealed = context.vault.seal(secret, {"private": base64.b64encode(private).decode()})
            await store.add_key(tx, kid, sealed=sealed)
    context.route_signer = RouteSigner(kid, private=private)


async def public_keys(tx: Tx[Catalog]) -> list[JsonObject]:
    """The keys that routes were ever signed with."""
    found: list[JsonObject] = []
    for kid, sealed in await store.get_keys(tx):
        secret = await tx.context.vault.key(tx, f"route-key/{kid}")
        private = base64.b64decode(str(tx.context.vault.open(secret, sealed)["private"]))
        found.append(encode_object(RouteSigner(kid, private=private).public_key()))
    return found


async def find_route(
    tx: Tx[Catalog],
    *,
    item_code: ItemCode,
    receiving_region: RegionCode,
    handling_region: RegionCode,
    mode: Mode | None,
    at: datetime | None,
    situation: str | None = None,
) -> SignedRoute:
    """Name the organ that must decide, as of an instant.

    Raises:
        NoRoute: One of its kinds: the reason why nobody is, or why nobody may receive it there.
    """
    context = tx.context
    route = decide(
        context.catalogue,
        item_code=item_code,
        receiving_region=receiving_region,
        handling_region=handling_region,
        mode=mode,
        at=at or tx.at,
        situation=situation,
    )
    version = context.catalogue.version(route.version_id)
    shown = encode_object(route)
    lasting = {name: value for name, value in shown.items() if name != "instant"}
    if version is not None:
        shown["item_id"] = lasting["item_id"] = version.item_id
    shown["positions"] = _positions(context)
    if context.route_signer is None:
        raise RuntimeError("the service was not started")
    return SignedRoute(
        route=shown,
        parts={} if version is None else encode_object(version.parts),
        valid_until=tx.at + VALID_FOR,
        proof=context.route_signer.sign(shown),
        tag=digest(lasting)[7:39],
    )


def find_receivers(
    tx: Tx[Catalog], *, item_code: ItemCode, handling_region: RegionCode, at: datetime | None, situation: str | None
) -> Receivers:
    """Say where an item may be handed in, as of an instant.

    Raises:
        NoRoute: Nobody is competent.
    """
    return receivers.find_receivers(
        tx.context.catalogue, item_code=item_code, handling_region=handling_region, at=at or tx.at, situation=situation
    )


def _positions(context: Catalog) -> dict[str, Json]:
    """By topic, the next offset of each partition that the index which has just decided had not yet taken in."""
    read = {} if context.follower is None else context.follower.offsets
    found: dict[str, Json] = {}
    for topic in (PARTS, RULES, VERSIONS):
        partitions = max((partition for named, partition in read if named == topic), default=-1) + 1
        if partitions:
            found[topic] = [read.get((topic, partition), 0) for partition in range(partitions)]
    return found
