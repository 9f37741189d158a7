"""What the routes of documents under four eyes answer, and the field types that they share."""

from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, StringConstraints

from catalog_svc.proposal.domain import Proposal, Proposed
from chassis.doors import Answer

RegionText = Annotated[str, StringConstraints(pattern=r"^[0-9]{6,12}$")]
OrganText = Annotated[str, StringConstraints(pattern=r"^[0-9A-HJ-NP-RTUW-Y]{18}$")]
ItemText = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{12}$")]
NameText = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
ShortText = Annotated[str, StringConstraints(max_length=200)]
KeyText = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")]

RegionPath = Annotated[str, Path(pattern=r"^[0-9]{6,12}$")]
OrganPath = Annotated[str, Path(pattern=r"^[0-9A-HJ-NP-RTUW-Y]{18}$")]
ItemPath = Annotated[str, Path(pattern=r"^[0-9A-Z]{12}$")]
KeyPath = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")]

PUBLIC_FOR_A_WHILE = {"cache-control": "public, max-age=30"}
"""What the catalogue publishes may be kept by anybody for as long as a route answer."""


class Body(BaseModel):
    """A request body: nothing in it that is not documented."""

    model_config = ConfigDict(extra="forbid")


class ProposalAnswer(BaseModel):
    """Where a document under four eyes stands."""

    key: str
    kind: str
    state: Literal["draft", "published"]
    changed: bool
    """False when the same content stood there already."""


def answer_proposed(proposed: Proposed, *, key: str) -> Answer:
    """201 for a new draft, 200 when nothing changes."""
    changed = key in proposed.changed
    return Answer(status=201 if changed else 200, body=_shown(proposed.proposals[key], changed=changed))


def answer_published(published: list[Proposal]) -> Answer:
    """The document that is now in force."""
    return Answer(status=200, body=_shown(published[0], changed=True))


def _shown(proposal: Proposal, *, changed: bool) -> ProposalAnswer:
    return ProposalAnswer(key=proposal.key, kind=proposal.kind, state=proposal.state.value, changed=changed)
