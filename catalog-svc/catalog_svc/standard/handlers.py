"""What is done to regions' layers, and what is in force for an organ."""

from collections.abc import Collection, Mapping, Sequence

from catalog_svc.base_item import handlers as base_items
from catalog_svc.base_item.domain import BaseItem
from catalog_svc.context import Catalog
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import Draft, Proposal, Proposed
from catalog_svc.region import handlers as regions
from catalog_svc.standard import store
from catalog_svc.standard.domain import Standard, StandardUnknown, StandardUnsound
from chassis.database import Tx
from contracts.caller import Caller
from contracts.codec import encode_object
from contracts.refusals import Defect
from contracts.values import NATION, ItemCode, RegionCode
from rules.standards import Element, Fixed, in_force, layer_defects, overruled

KIND = "standard"


async def _places(_tx: Tx[Catalog], layers: Sequence[Standard]) -> list[RegionCode]:
    return [layer.region for layer in layers]


async def _held(_tx: Tx[Catalog], keys: Sequence[str]) -> list[RegionCode]:
    """What is in force under a key is the same region's: the key names it."""
    return [RegionCode(key.partition("@")[2]) for key in keys]


DOCUMENTS = proposals.Documents(kind=KIND, aggregate="item", of=Standard, permit=regions.permit_in, places=_places, held=_held)
"""Layers under four eyes: written for their region."""

Layers = Mapping[ItemCode, Mapping[RegionCode, Sequence[Element]]]
"""Of each item what each region fixes, the nation by its base item."""


async def layers_of(tx: Tx[Catalog], items: Collection[ItemCode], *, instead: Mapping[ItemCode, BaseItem] | None = None) -> Layers:
    """Every layer of these items.

    Args:
        tx: The caller's transaction.
        items: Base codes.
        instead: Base items as they would be, to look at a change before it is published.
    """
    bases = await base_items.known_base_items(tx, sorted(items)) | dict(instead or {})
    found: dict[ItemCode, dict[RegionCode, Sequence[Element]]] = {code: {NATION: base.elements} for code, base in bases.items()}
    for layer in await store.list_standards(tx, items):
        found.setdefault(layer.item_code, {})[layer.region] = layer.elements
    return found


def fixed_for(layers: Layers, *, item: ItemCode, line: Sequence[RegionCode]) -> dict[str, Fixed]:
    """What is fixed for an organ.

    Args:
        layers: As `layers_of` gave them.
        item: Base code.
        line: The organ's region and all above it, upwards.
    """
    of_item = layers.get(item, {})
    return in_force((region, of_item[region]) for region in reversed(line) if region in of_item)


async def overruled_layers(tx: Tx[Catalog], layers: Layers, *, item: ItemCode) -> list[Fixed]:
    """The elements of regions' layers of an item that do not hold under what stands above them, by region."""
    of_item = layers.get(item, {})
    lines = await regions.chains(tx, of_item.keys())
    found: list[Fixed] = []
    for region, line in sorted(lines.items()):
        above = [(place, of_item[place]) for place in reversed(line) if place in of_item]
        found += [one for one in overruled(above) if one.region == region]
    return found


async def propose_standard(tx: Tx[Catalog], layer: Standard, *, by: Caller, over: int | None = None) -> Proposed:
    """Draft a region's layer.

    Raises:
        StandardUnsound: It changes what is fixed above it, or names what nobody knows.
        Forbidden: Not an author of the region.
    """
    await proposals.permit_authors(tx, DOCUMENTS, [layer], keys=[layer.key], by=by)
    await _require_sound(tx, layer)
    draft = Draft(key=layer.key, region=layer.region, body=encode_object(layer))
    return await proposals.propose(tx, [draft], kind=KIND, by=by, over=over)


async def publish_standard(tx: Tx[Catalog], key: str, *, by: Caller, version: int | None = None) -> list[Proposal]:
    """Let a second officer put a drafted layer in force: from now on no version below it is published that differs.

    Raises:
        ProposalNotFound: It was never drafted.
        Stale: It is not what the officer has read; ``version`` is that draft's.
        ReviewedByAuthor: By its author.
        StandardUnsound: What stands above it changed meanwhile.
        Forbidden: Not a reviewer of the region.
    """
    reviewed = await proposals.review(tx, DOCUMENTS, [key], by=by, version=version)
    for _, layer in reviewed:
        await _require_sound(tx, layer)
    await store.save_standards(tx, [layer for _, layer in reviewed])
    return [proposal for proposal, _ in reviewed]


async def get_standard(tx: Tx[Catalog], key: str) -> tuple[Standard, int]:
    """A region's layer with the version of its row; the nation's is what the base item fixes.

    Raises:
        StandardUnknown: The region has none for the item.
        BaseItemUnknown: Of the nation's: there is no such base item.
    """
    code, _, region = key.partition("@")
    if region == NATION:
        item, version = await base_items.get_base_item(tx, ItemCode(code))
        return Standard(item_code=item.code, region=NATION, elements=item.elements), version
    found = await store.get_standard(tx, key)
    if found is None:
        raise StandardUnknown
    return found


async def _require_sound(tx: Tx[Catalog], layer: Standard) -> None:
    line = await regions.line_of(tx, layer.region)
    layers = await layers_of(tx, [layer.item_code])
    defects: list[Defect] = []
    if NATION not in layers.get(layer.item_code, {}):
        defects.append(_defect("/item_code", "item.code-unknown", "基本目录中没有此事项", "There is no base item with this code"))
    if line[-1] != NATION or layer.region == NATION:
        defects.append(_defect("/region", "standard.region", "不是全国以下的地区", "It is no region below the nation"))
    defects += layer_defects(layer.elements, above=fixed_for(layers, item=layer.item_code, line=line[1:]))
    if defects:
        raise StandardUnsound(defects=tuple(defects[:100]))


def _defect(pointer: str, rule_id: str, message: str, message_en: str) -> Defect:
    return Defect(rule_id=rule_id, pointer=pointer, message=message, message_en=message_en)
