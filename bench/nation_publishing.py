"""A nation brought into the catalogue's own tables by its own stores: rows and outbox in one transaction, in pieces of some hundred."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from bench.nation import Nation
from catalog_svc.agreement import store as agreements
from catalog_svc.context import Catalog
from catalog_svc.delegation import store as delegations
from catalog_svc.item import store as items
from catalog_svc.item.domain import ItemContent, ItemVersionRecord, ItemVersionState
from catalog_svc.organ import store as organs
from catalog_svc.part import handlers as parts
from catalog_svc.region import store as regions
from chassis.database import Tx, lock
from contracts.catalogue import ItemVersion, Part, VersionState
from contracts.delegations import Delegation
from contracts.documents import address, part_digest
from contracts.values import PersonRef

AT_ONCE = 400
"""Documents of one transaction; a lock is taken for each."""

AUTHOR, REVIEWER = PersonRef("nation|author"), PersonRef("nation|reviewer")

_T = TypeVar("_T")


async def publish(context: Catalog, nation: Nation, *, progress: Callable[[str], None]) -> int:
    """Publish everything that the catalogue's seed has not; how many documents.

    Args:
        context: A catalogue with an open database, into which the seed was brought.
        nation: What is published.
        progress: Told what is being done, in a line each.
    """
    versions = list(nation.versions())
    async with context.database.read(context) as tx:
        known = await regions.get_regions(tx, [one.code for one in nation.regions])
    new = [one for one in nation.regions if one.code not in known]
    count = 0
    for name, documents, save in (
        ("regions", new, _locked(regions.save_regions)),
        ("organs", nation.organs, _locked(organs.save_organs)),
        ("parts", list(nation.parts.every()), _save_parts),
        ("versions", versions, _saving(versions)),
        ("agreements", nation.agreements, _locked(agreements.save_agreements)),
        ("delegations", nation.delegations, _locked(_save_delegations)),
    ):
        await _in_pieces(context, documents, save)  # type: ignore[arg-type]  # each with its own kind
        count += len(documents)
        progress(f"{name}: {len(documents)}")
    return count


def record_of(version: ItemVersion) -> ItemVersionRecord:
    """The catalogue's own row of a published version."""
    return ItemVersionRecord(
        version_id=version.version_id,
        item_id=version.item_id,
        number=version.version,
        region=version.region,
        content=ItemContent(
            item_code=version.item_code,
            name=version.name,
            organ=version.organ,
            modes=version.modes,
            service_objects=version.service_objects,
            project_type=version.project_type,
            approval_type=version.approval_type,
            acceptance_limit=version.acceptance_limit,
            statutory_limit=version.statutory_limit,
            promised_limit=version.promised_limit,
            extension_limit=version.extension_limit,
            delivery_limit=version.delivery_limit,
            credential_type=version.credential_type,
            kind=version.kind,
            four_do=version.four_do,
            lists=version.lists,
            ways=version.ways,
            succeeds=version.succeeds,
        ),
        parts=version.parts,
        state=_state(version),
        author=AUTHOR,
        reviewer=REVIEWER,
        effective_from=version.effective_from,
        effective_to=version.effective_to,
    )


def _state(version: ItemVersion) -> ItemVersionState:
    if version.state is VersionState.PUBLISHED:
        return ItemVersionState.PUBLISHED if version.effective_to is None else ItemVersionState.SUPERSEDED
    return ItemVersionState.SUSPENDED if version.state is VersionState.SUSPENDED else ItemVersionState.WITHDRAWN


async def _in_pieces(context: Catalog, documents: Sequence[_T], save: Callable[[Tx[Catalog], Sequence[_T]], Awaitable[None]]) -> None:
    for piece in (documents[first : first + AT_ONCE] for first in range(0, len(documents), AT_ONCE)):
        async with context.database.begin(context) as tx:
            await save(tx, piece)


def _locked(save: Callable[[Tx[Catalog], Sequence[_T]], Awaitable[None]]) -> Callable[[Tx[Catalog], Sequence[_T]], Awaitable[None]]:
    async def lock_and_save(tx: Tx[Catalog], documents: Sequence[_T]) -> None:
        await lock(tx, *(address(one)[1] for one in documents))  # type: ignore[arg-type]  # all of them are documents
        await save(tx, documents)

    return lock_and_save


async def _save_delegations(tx: Tx[Catalog], documents: Sequence[Delegation]) -> None:
    for one in documents:
        await delegations.save_delegation(tx, one)


async def _save_parts(tx: Tx[Catalog], documents: Sequence[Part]) -> None:
    named = {part_digest(one): one for one in documents}
    await parts.keep_parts(tx, named)
    await parts.publish_parts(tx, list(named))


def _saving(versions: Sequence[ItemVersion]) -> Callable[[Tx[Catalog], Sequence[ItemVersion]], Awaitable[None]]:
    newest = {one.item_id: one for one in versions}

    async def save_versions(tx: Tx[Catalog], documents: Sequence[ItemVersion]) -> None:
        mine = {one.item_id: newest[one.item_id] for one in documents}
        await lock(tx, *mine)
        await items.keep_items(tx, {name: (one.item_code, one.organ, one.region, one.version) for name, one in mine.items()})
        await items.save_versions(tx, [record_of(one) for one in documents])

    return save_versions
