"""A proposal: what one officer drafts and another publishes (four eyes).

Regions, organs, certificates, negative lists, base forms, base items, standards, powers, agreements, calendars and delegations are such documents, and
the seed's mark; service items have a longer life of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from contracts.refusals import Conflict, Defect, Forbidden, IllegalMove, NotFound, Refusal, Stale
from contracts.values import Digest, JsonObject, PersonRef, RegionCode, digest

NOTICE = timedelta(seconds=5)
"""How long before it takes effect a change of what is in force is published, so that every service has heard of it."""


class ProposalState(StrEnum):
    """States of a proposal."""

    DRAFT = "draft"
    PUBLISHED = "published"


MOVES: Mapping[ProposalState, frozenset[ProposalState]] = {
    ProposalState.DRAFT: frozenset({ProposalState.DRAFT, ProposalState.PUBLISHED}),
    ProposalState.PUBLISHED: frozenset({ProposalState.DRAFT}),
}
"""A draft is replaced or published; what is published stays in force while its next draft waits."""


class ProposalNotFound(NotFound):
    """Nobody drafted this."""

    RULE: ClassVar[str] = "proposal.not-found"
    ZH: ClassVar[str] = "没有待复核的内容"
    EN: ClassVar[str] = "There is nothing to review here"


class ReviewedByAuthor(Forbidden):
    """Author and reviewer are one person; ``facts`` as for every refusal that leaves a trace."""

    RULE: ClassVar[str] = "proposal.same-person"
    ZH: ClassVar[str] = "起草人不能复核自己起草的内容"
    EN: ClassVar[str] = "The author may not review their own draft"


class DraftWaits(Conflict):
    """Somebody else's draft waits for its review: whoever has read it replaces it by its tag."""

    RULE: ClassVar[str] = "proposal.draft-waits"
    ZH: ClassVar[str] = "他人起草的内容正在等待复核，请先读取该草稿；确需替换的，请以其版本标签（If-Match）提交"
    EN: ClassVar[str] = "Somebody else's draft waits for review: read it, and replace it by its tag (If-Match)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One document as its author hands it in."""

    key: str
    """Unique among documents of its kind, e.g. the region's code."""
    region: RegionCode
    """Whose officers may author and review it."""
    body: JsonObject
    """The document as it would be published."""


@dataclass(slots=True, kw_only=True)
class Proposal:
    """The newest draft of one document and who stood for it."""

    kind: str
    """``region``, ``organ``, ``certificate``, ``negative-list``, ``base-form``, ``base-item``, ``standard``, ``power``, ``agreement``, ``delegation``, ``calendar`` or ``seed``."""
    key: str
    region: RegionCode
    state: ProposalState
    body: JsonObject
    digest: Digest
    author: PersonRef
    reviewer: PersonRef | None = None
    version: int = 0
    """Counts every change of the row; 0 while it was never saved."""

    @classmethod
    def draft(cls, given: Draft, *, kind: str, by: PersonRef) -> Proposal:
        """A first draft."""
        return cls(
            kind=kind,
            key=given.key,
            region=given.region,
            state=ProposalState.DRAFT,
            body=given.body,
            digest=digest(given.body),
            author=by,
        )

    def says(self, given: Draft) -> bool:
        """Whether the newest draft has just this content."""
        return self.digest == digest(given.body) and self.region == given.region

    def redraft(self, given: Draft, *, by: PersonRef, over: int | None = None) -> None:
        """Put another content up for review; what is published stays until then.

        Args:
            given: The content.
            by: Its author.
            over: The version of the draft that the author has read and replaces.

        Raises:
            DraftWaits: It would replace a draft of somebody else's that the author has not read.
            Stale: No draft waits, or another than the author has read.
        """
        waits = self.state is ProposalState.DRAFT
        if over is not None and not (waits and over == self.version):
            raise Stale
        if over is None and waits and by != self.author:
            raise DraftWaits
        self._move(ProposalState.DRAFT)
        self.body, self.digest, self.region = given.body, digest(given.body), given.region
        self.author, self.reviewer = by, None

    def publish(self, *, by: PersonRef) -> None:
        """Let a second person put it in force.

        Raises:
            IllegalMove: It is published already.
            ReviewedByAuthor: The second person is the first.
        """
        if by == self.author:
            raise ReviewedByAuthor(facts={"aggregate": self.kind, "action": "review", "about": self.key})
        self._move(ProposalState.PUBLISHED)
        self.reviewer = by

    def publish_as_read(self, *, version: int, by: PersonRef) -> None:
        """Let a second person put in force just what that one has read.

        Raises:
            Stale: Another draft waits than the one that was read.
            IllegalMove: It is published already.
            ReviewedByAuthor: The second person is the first.
        """
        if self.version != version and self.state is ProposalState.DRAFT:
            raise Stale
        self.publish(by=by)

    def _move(self, to: ProposalState) -> None:
        if to not in MOVES[self.state]:
            raise IllegalMove(facts={"from": self.state.value, "to": to.value})
        self.state = to


def refuse_list(refused: Mapping[str, Refusal]) -> None:
    """Refuse a whole list where something in it was refused: as the first was, with a defect for each, a hundred at most.

    Args:
        refused: By the pointer of what was refused, in order.

    Raises:
        Refusal: Of the first one's kind, with its facts.
    """
    defects: list[Defect] = []
    for pointer, one in refused.items():
        own = tuple(replace(defect, pointer=pointer + defect.pointer) for defect in one.defects)
        defects += own or (Defect(rule_id=one.RULE, pointer=pointer, message=one.ZH, message_en=one.EN),)
    if refused:
        first = next(iter(refused.values()))
        raise type(first)(defects=tuple(defects[:100]), facts=first.facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """What became of drafts that were handed in."""

    proposals: Mapping[str, Proposal]
    """By key, unchanged ones too."""
    changed: frozenset[str]
    """Keys whose content is new."""

    @property
    def waiting(self) -> list[str]:
        """Keys that wait for review, in the order they were handed in."""
        return [key for key, proposal in self.proposals.items() if proposal.state is ProposalState.DRAFT]
