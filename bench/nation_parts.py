"""The parts that the versions of a made-up nation share: of an item its form and its table, of an item in a province its checklist and texts.

They are those of a written-out item of the catalogue's seed under other names, so that they are as large, and as sound, as real ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from catalog_svc.item.domain import ItemParts
from catalog_svc.seed.reading import Seed
from contracts.catalogue import Part, PartDigests
from contracts.values import Digest, ItemCode, RegionCode

PATTERN = ItemCode("000131012000")
"""食品经营许可证核发: its form has a dozen fields, its table several situations."""
ANSWERED = "fact.business=sale"
"""An answer that ends its guide, as the guide's door takes it."""


def _pattern() -> ItemParts:
    return next(one.draft.parts for one in Seed().items if one.draft.content.item_code == PATTERN)


@dataclass(kw_only=True)
class NationParts:
    """Parts, made when they are first asked for."""

    pattern: ItemParts = field(default_factory=_pattern)
    _made: dict[tuple[ItemCode, RegionCode], tuple[ItemParts, PartDigests]] = field(default_factory=dict)

    def digests(self, item: ItemCode, *, name: str, province: RegionCode) -> PartDigests:
        """What the parts of an item in a province are called."""
        return self._get(item, name=name, province=province)[1]

    def of(self, item: ItemCode, *, name: str, province: RegionCode) -> ItemParts:
        """The parts of an item in a province."""
        return self._get(item, name=name, province=province)[0]

    def every(self) -> Iterator[Part]:
        """Each part that was asked for, once, in the order in which they were."""
        named: dict[Digest, Part] = {}
        for made, _ in self._made.values():
            named |= made.named()
        return iter(named.values())

    def _get(self, item: ItemCode, *, name: str, province: RegionCode) -> tuple[ItemParts, PartDigests]:
        known = self._made.get((item, province))
        if known is None:
            of = self.pattern
            first, *others = of.situations.situations
            parts = ItemParts(
                form=replace(of.form, schema={**of.form.schema, "title": f"{name}申请表"}),
                situations=replace(of.situations, situations=(replace(first, name=f"{first.name}({name})"), *others)),
                checklist=replace(
                    of.checklist,
                    materials=tuple(replace(one, sample=f"{province}-{item}-{one.code}") for one in of.checklist.materials),
                ),
                texts=replace(of.texts, conditions=(f"{province}内申请{name}", *of.texts.conditions), result_name=f"{name[:40]}决定书"),
            )
            known = self._made[item, province] = (parts, parts.digests())
        return known
