"""One version of an organ's service item, from draft to withdrawal, and what makes it publishable.

Law: GB/T 39554.1, .2 (elements); 国办函〔2016〕108号 (kinds of change). A version is immutable from its draft on; a change is the next version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from catalog_svc.item.domain.content import (
    ItemContent,
    ItemDraft,
    ItemParts,
    content_digest,
    no_base_form,
    other_item,
    other_version,
    source_changed,
    succession_defects,
    umbrella_id,
    umbrella_of,
    unpublished_member,
)
from catalog_svc.item.domain.line import holding_at, last_published, line_up, place_of, published_since, successor_at
from catalog_svc.item.domain.refusals import EffectiveTooSoon, ItemEnded, ItemOvertaken, ItemReviewedByAuthor, ItemUnknown, ItemUnsound
from catalog_svc.item.domain.states import HOLDING, LIVE, MOVES, TOLD, ItemVersionState
from catalog_svc.proposal.domain import NOTICE
from contracts.catalogue import (
    ChecklistPart,
    FormPart,
    ItemVersion,
    Part,
    PartDigests,
    SituationsPart,
    TextsPart,
    VersionState,
)
from contracts.refusals import IllegalMove
from contracts.values import Digest, ItemId, ItemVersionId, PersonRef, RegionCode

__all__ = [
    "LIVE",
    "MOVES",
    "NOTICE",
    "EffectiveTooSoon",
    "ItemContent",
    "ItemDraft",
    "ItemEnded",
    "ItemOvertaken",
    "ItemParts",
    "ItemReviewedByAuthor",
    "ItemUnknown",
    "ItemUnsound",
    "ItemVersionRecord",
    "ItemVersionState",
    "content_digest",
    "draft_of",
    "holding_at",
    "last_published",
    "no_base_form",
    "other_item",
    "published_since",
    "source_changed",
    "succession_defects",
    "umbrella_id",
    "umbrella_of",
    "unpublished_member",
]


@dataclass(slots=True, kw_only=True)
class ItemVersionRecord:
    """One version with its life."""

    version_id: ItemVersionId
    item_id: ItemId
    number: int
    """Counts the versions of the item, drafts that were never published too."""
    region: RegionCode
    content: ItemContent
    parts: PartDigests
    state: ItemVersionState
    author: PersonRef
    reviewer: PersonRef | None = None
    effective_from: datetime | None = None
    effective_to: datetime | None = None
    drafted_after: int | None = None
    """How many versions of the item had been published when it was drafted; None of drafts from before that was kept."""
    published_as: int | None = None
    """Which of the item's versions to be published it was, from 1; None where a release that kept no order published it, before or beside this."""
    version: int = 0
    """Counts every change of the row."""

    @classmethod
    def draft(
        cls,
        given: ItemDraft,
        *,
        item_id: ItemId,
        number: int,
        region: RegionCode,
        by: PersonRef,
        others: Sequence[ItemVersionRecord] | None = None,
    ) -> ItemVersionRecord:
        """A new version under an item; ``others``: what its author may know, None where nothing overtakes it."""
        return cls(
            version_id=ItemVersionId(f"{item_id}-v{number}"),
            item_id=item_id,
            number=number,
            region=region,
            content=given.content,
            parts=given.parts.digests(),
            state=ItemVersionState.DRAFT,
            author=by,
            drafted_after=None if others is None else last_published(others),
        )

    @property
    def digest(self) -> Digest:
        """Names the content, as a draft's digest does."""
        return content_digest(self.content, parts=self.parts)

    def says_still(self, digest: Digest, *, at: datetime) -> bool:
        """Whether an equal draft would be the same version: it waits for an officer, holds or will hold."""
        return self.state in LIVE and not self.is_over(at) and self.digest == digest

    def overtaken_by(self, others: Sequence[ItemVersionRecord]) -> ItemVersionRecord | None:
        """The version of the item that was published last since this draft was made, which does not know its changes; None of none.

        What is published itself is overtaken by nothing.
        """
        if self.effective_from is not None or self.drafted_after is None:
            return None
        return published_since([one for one in others if one.item_id == self.item_id], after=self.drafted_after)

    def require_known(self, made_from: ItemVersionId, *, others: Sequence[ItemVersionRecord]) -> None:
        """Hold a draft to the version that its author had before them.

        Raises:
            ItemUnsound: That is none of the item's.
            ItemOvertaken: Another version of the item was published since that one, or since it was drafted where nobody published it.
        """
        base = next((one for one in others if one.version_id == made_from), None)
        if base is None:
            raise ItemUnsound(defects=(other_version(),))
        known = base.drafted_after if base.effective_from is None else place_of(base, among=others)
        if known is not None and (newer := published_since(others, after=known)) is not None:
            raise ItemOvertaken(facts={"published": newer.version_id})

    def review(self, *, by: PersonRef, others: Sequence[ItemVersionRecord] = ()) -> None:
        """Let a second officer confirm the draft.

        Raises:
            ItemReviewedByAuthor: The second officer is the author.
            IllegalMove: It is no draft.
            ItemOvertaken: Another version of the item was published since the draft.
        """
        if by == self.author:
            raise ItemReviewedByAuthor(facts={"aggregate": "item", "action": "review", "about": self.version_id})
        if self.state is ItemVersionState.DRAFT:
            self._require_newest(others)
        self._move(ItemVersionState.REVIEWED)
        self.reviewer = by

    def publish(
        self,
        *,
        at: datetime,
        effective_from: datetime | None,
        others: Sequence[ItemVersionRecord],
        successors: Sequence[ItemVersionRecord] = (),
        at_once: bool = False,
    ) -> list[ItemVersionRecord]:
        """Put the version in force from an instant, between the item's other published versions.

        Args:
            at: Now.
            effective_from: At least `NOTICE` from now; the earliest when None.
            others: The other versions of the item, and all of those whose place it or one of them takes; those end where that begins.
            successors: Versions that take the place of one of these items.
            at_once: What takes no other version's place may begin now. Only while nobody receives anything yet: an item's first version
                takes the power from the organ above, and services that heard of it one after the other would not agree who decides.

        Returns:
            The versions whose end this one changed.

        Raises:
            IllegalMove: It was not reviewed.
            ItemOvertaken: Another version of the item was published since the draft.
            EffectiveTooSoon: Before the earliest instant.
            ItemEnded: Another item has taken this one's place by then.
        """
        if self.state is not ItemVersionState.REVIEWED:
            raise IllegalMove(facts={"from": self.state.value, "to": ItemVersionState.PUBLISHED.value})
        self._require_newest(others)
        in_force = any(one.holds_at(at) for one in others)
        earliest = at if at_once and not in_force else at + NOTICE
        start = effective_from or earliest
        if start < earliest:
            raise EffectiveTooSoon(facts={"earliest": earliest.isoformat()})
        if (heir := successor_at(self.item_id, start, successors=[*others, *successors])) is not None:
            raise ItemEnded(facts={"successor": heir.version_id, "since": heir.start.isoformat()})
        self._move(ItemVersionState.PUBLISHED)
        self.effective_from, self.published_as = start, last_published(one for one in others if one.item_id == self.item_id) + 1
        return line_up([self, *others], at=at, successors=successors, newest=self)

    def supersede(self, *, at: datetime) -> None:
        """End where a later version begins, or another item takes this one's place."""
        if self.state is not ItemVersionState.SUPERSEDED:
            self._move(ItemVersionState.SUPERSEDED)
        self.effective_to = at

    def suspend(
        self, *, at: datetime, others: Sequence[ItemVersionRecord] = (), successors: Sequence[ItemVersionRecord] = ()
    ) -> list[ItemVersionRecord]:
        """Take it out of force for new cases until a next version is published; open cases finish under it.

        Args:
            at: Now.
            others: The other versions of the item, and all of those whose place it or one of them takes.
            successors: Versions that take the place of one of these items.

        Returns:
            The versions that hold on or begin after all, since this one had not begun or since it ended for good what was to begin later.

        Raises:
            IllegalMove: It is not published, or has ended: what was received since falls under what took its place.
        """
        if self.state in HOLDING and self.effective_to is not None and self.effective_to <= at:
            raise IllegalMove(facts={"from": self.state.value, "to": ItemVersionState.SUSPENDED.value})
        self._move(ItemVersionState.SUSPENDED)
        return self._end(at, others, successors)

    def withdraw(
        self, *, at: datetime, others: Sequence[ItemVersionRecord] = (), successors: Sequence[ItemVersionRecord] = ()
    ) -> list[ItemVersionRecord]:
        """Take it back for good; open cases finish under it.

        Args:
            at: Now.
            others: The other versions of the item, and all of those whose place it or one of them takes.
            successors: Versions that take the place of one of these items.

        Returns:
            The versions that hold on or begin after all, since this one had not begun or since it ended for good what was to begin later.

        Raises:
            IllegalMove: It is withdrawn already.
        """
        self._move(ItemVersionState.WITHDRAWN)
        return [] if self.effective_from is None else self._end(at, others, successors)

    def holds_at(self, at: datetime) -> bool:
        """Whether an application received at this instant falls under it."""
        return (
            self.effective_from is not None
            and self.state in HOLDING
            and self.effective_from <= at
            and (self.effective_to is None or at < self.effective_to)
        )

    def held_at(self, at: datetime) -> bool:
        """Whether one received at this instant fell under it, whatever became of the version since."""
        return self.holds_at(at) or (
            self.effective_from is not None and self.effective_to is not None and self.effective_from <= at < self.effective_to
        )

    def is_over(self, at: datetime) -> bool:
        """Whether no application that is received from this instant on falls under it; what nobody published is not over."""
        return self.effective_from is not None and (
            self.state not in HOLDING or self.never_begins or (self.effective_to is not None and self.effective_to <= at)
        )

    @property
    def never_begins(self) -> bool:
        """Whether it was taken back, or its place was taken, before it began."""
        return self.effective_to is not None and self.effective_to <= self.start

    @property
    def start(self) -> datetime:
        """When it takes effect; only of what was published."""
        if self.effective_from is None:
            raise IllegalMove(facts={"from": self.state.value, "to": ItemVersionState.PUBLISHED.value})
        return self.effective_from

    def document(self) -> ItemVersion:
        """What other services hear of it; only of what was published."""
        content = self.content
        return ItemVersion(
            version_id=self.version_id,
            item_id=self.item_id,
            version=self.number,
            item_code=content.item_code,
            task_code=umbrella_id(organ=content.organ, item_code=content.item_code),
            name=content.name,
            organ=content.organ,
            region=self.region,
            state=VersionState.WITHDRAWN if self.state in HOLDING and self.never_begins else TOLD[self.state],
            modes=content.modes,
            service_objects=content.service_objects,
            project_type=content.project_type,
            approval_type=content.approval_type,
            effective_from=self.start,
            effective_to=self.effective_to,
            acceptance_limit=content.acceptance_limit,
            statutory_limit=content.statutory_limit,
            promised_limit=content.promised_limit,
            extension_limit=content.extension_limit,
            delivery_limit=content.delivery_limit,
            credential_type=content.credential_type,
            parts=self.parts,
            kind=content.kind,
            four_do=content.four_do,
            lists=content.lists,
            ways=content.ways,
            succeeds=content.succeeds,
        )

    def _end(self, at: datetime, others: Sequence[ItemVersionRecord], successors: Sequence[ItemVersionRecord]) -> list[ItemVersionRecord]:
        # A revocation starts only after every service can have heard of it.
        notice, before = at + NOTICE, self.effective_to
        if self.start >= notice:
            self.effective_to = self.start
        else:
            self.effective_to = notice if before is None else min(notice, before)
        return [one for one in line_up([self, *others], at=at, successors=successors) if one is not self]

    def hold_on(self, *, until: datetime | None) -> None:
        """Go on, since what was to take its place is taken back."""
        if until is None and self.state is not ItemVersionState.PUBLISHED:
            self._move(ItemVersionState.PUBLISHED)
        self.effective_to = until

    def _require_newest(self, others: Sequence[ItemVersionRecord]) -> None:
        if (newer := self.overtaken_by(others)) is not None:
            raise ItemOvertaken(facts={"published": newer.version_id})

    def _move(self, to: ItemVersionState) -> None:
        if to not in MOVES[self.state]:
            raise IllegalMove(facts={"from": self.state.value, "to": to.value})
        self.state = to


def draft_of(record: ItemVersionRecord, named: Mapping[Digest, Part]) -> ItemDraft:
    """A version as it was handed in, from the parts that it names."""
    of = record.parts
    form, situations, checklist, texts = named[of.form], named[of.situations], named[of.checklist], named[of.texts]
    if not (
        isinstance(form, FormPart)
        and isinstance(situations, SituationsPart)
        and isinstance(checklist, ChecklistPart)
        and isinstance(texts, TextsPart)
    ):
        raise ItemUnknown
    return ItemDraft(content=record.content, parts=ItemParts(form=form, situations=situations, checklist=checklist, texts=texts))
