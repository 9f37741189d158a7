"""What one version of an organ's service item says: its content, its parts, the names of both, and what its place has not got.

Law: GB/T 39554.1, .2 (elements).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from contracts.catalogue import ApprovalType, ChecklistPart, FormPart, Limit, Part, PartDigests, ProjectType, SituationsPart, TextsPart
from contracts.codec import ADDED, encode_object
from contracts.documents import part_digest
from contracts.elements import FourDo, GrassRootsLevel, GrassRootsList
from contracts.refusals import Defect
from contracts.values import Digest, ItemCode, ItemId, ItemVersionId, JsonObject, Mode, OrganCode, Way, digest


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemContent:
    """What an author decides of a version, besides its parts."""

    item_code: ItemCode
    name: str
    organ: OrganCode
    modes: tuple[Mode, ...]
    service_objects: tuple[Literal["natural", "legal"], ...]
    project_type: ProjectType
    approval_type: ApprovalType
    acceptance_limit: Limit
    statutory_limit: Limit
    promised_limit: Limit
    extension_limit: Limit | None
    delivery_limit: Limit
    credential_type: str | None
    kind: str = field(default="", metadata=ADDED)
    """事项类型 taskType; empty: the base item's."""
    four_do: tuple[FourDo, ...] = field(default=(), metadata=ADDED)
    lists: tuple[tuple[GrassRootsLevel, GrassRootsList], ...] = field(default=(), metadata=ADDED)
    ways: tuple[Way, ...] = field(default=(Way.MOVED_DOWN,), metadata=ADDED)
    succeeds: tuple[ItemId, ...] = field(default=(), metadata=ADDED)
    """Items that end where the first version with this begins: one that is split names its whole, a merged one its parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemParts:
    """The four parts of a version as they are drafted."""

    form: FormPart
    situations: SituationsPart
    checklist: ChecklistPart
    texts: TextsPart

    def named(self) -> dict[Digest, Part]:
        """The parts under their digests."""
        return {part_digest(part): part for part in (self.form, self.situations, self.checklist, self.texts)}

    def digests(self) -> PartDigests:
        """Their names alone."""
        return PartDigests(
            form=part_digest(self.form),
            situations=part_digest(self.situations),
            checklist=part_digest(self.checklist),
            texts=part_digest(self.texts),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDraft:
    """A version as its author hands it in."""

    content: ItemContent
    parts: ItemParts

    def body(self) -> JsonObject:
        """All it says, as ``POST /service-items`` takes it."""
        parts = {part.kind: encode_object(part) for part in (self.parts.situations, self.parts.checklist, self.parts.texts)}
        form = self.parts.form
        body: JsonObject = {"version": encode_object(self.content), "form": form.schema, "base_form": form.base_form}
        return body | {kind: {key: value for key, value in part.items() if key != "kind"} for kind, part in parts.items()}

    @property
    def digest(self) -> Digest:
        """Names the draft by all it says."""
        return content_digest(self.content, parts=self.parts.digests())


def content_digest(content: ItemContent, *, parts: PartDigests) -> Digest:
    """Name a version's content; equal for equal drafts of one organ."""
    return digest({"content": encode_object(content), "parts": encode_object(parts)})


def umbrella_id(*, organ: OrganCode, item_code: ItemCode) -> ItemId:
    """Id of an organ's service item: its 实施编码 when it was first drafted; stays when the organ is renamed.

    Source: GB/T 39554.1: credit code of the organ (18), level (1; 4 is the county), basic code (12).
    """
    return ItemId(f"{organ}4{item_code}")


def umbrella_of(version_id: ItemVersionId) -> ItemId:
    """The item that a version is of, by its id."""
    return ItemId(version_id.rpartition("-v")[0])


def other_item() -> Defect:
    """The umbrella that the version is drafted under is that of another base item."""
    return Defect(
        rule_id="item.other-item",
        pointer="/item_id",
        message="此实施清单属于另一基本目录事项",
        message_en="The item named is one of another base item",
        basis="GB/T 39554.1",
    )


def other_version() -> Defect:
    """The version that a draft was made from is none of its item's."""
    return Defect(
        rule_id="item.made-from",
        pointer="/made_from",
        message="起草所依据的版本不属于此实施清单",
        message_en="The version that the draft was made from is none of this item's",
    )


def succession_defects(succeeds: Sequence[ItemId], *, item_id: ItemId) -> tuple[Defect, ...]:
    """What is wrong with the items that a version takes the place of: nothing takes its own place, and no place is taken twice."""
    return tuple(
        Defect(
            rule_id="item.succeeds-itself" if one == item_id else "item.succeeds-twice",
            pointer=f"/version/succeeds/{index}",
            message="不能取代自身" if one == item_id else "被取代的事项重复",
            message_en="It does not take its own place" if one == item_id else "It takes one item's place twice",
        )
        for index, one in enumerate(succeeds)
        if one == item_id or one in succeeds[:index]
    )


def no_base_form() -> Defect:
    """The form is written on a base form that there is not."""
    return Defect(
        rule_id="form.base-unknown", pointer="/base_form", message="没有此基础表单", message_en="There is no such base form here or above"
    )


def source_changed() -> Defect:
    """The base form or a member says something else than when the draft was made."""
    return Defect(
        rule_id="item.source-changed",
        pointer="/form",
        message="基础表单或组成事项在起草后已变更,请重新起草",
        message_en="The base form or a member has changed since the draft; draft it anew",
    )


def unpublished_member(index: int) -> Defect:
    """What is wrong with the member of a bundle that nobody publishes there."""
    return Defect(
        rule_id="bundle.member-unpublished",
        pointer=f"/situations/bundle/members/{index}/item_code",
        message="组成事项在本地以及上级均未发布",
        message_en="This member is published neither here nor above",
    )
