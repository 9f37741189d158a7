"""What the routes of documents under four eyes do and answer, and the field types that they share."""

import math
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

from fastapi import Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from catalog_svc.context import Catalog
from catalog_svc.proposal import handlers
from catalog_svc.proposal.domain import Proposal, Proposed
from catalog_svc.proposal.handlers import Documents
from chassis import seen
from chassis.database import Tx
from chassis.doors import Answer, Reader, Writer, context_of
from contracts.codec import encode_object
from contracts.values import JsonObject

D = TypeVar("D")

RegionText = Annotated[str, StringConstraints(pattern=r"^[0-9]{6,12}$")]
OrganText = Annotated[str, StringConstraints(pattern=r"^[0-9A-HJ-NP-RTUW-Y]{18}$")]
ItemText = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{12}$")]
NameText = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
ShortText = Annotated[str, StringConstraints(max_length=200)]
KeyText = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")]

Condition = Annotated[
    dict[str, object],
    Field(description="条件，每个对象一个运算符；写法见 / a condition, one operator per object: docs/authoring.md, Conditions"),
]
FormSchema = Annotated[
    dict[str, object],
    Field(
        description="JSON Schema 2020-12，根为对象，不得引用；x- 关键字见 / of an object, without references; "
        "its x- keywords: docs/authoring.md, Keywords of the form"
    ),
]

RegionPath = Annotated[str, Path(pattern=r"^[0-9]{6,12}$")]
OrganPath = Annotated[str, Path(pattern=r"^[0-9A-HJ-NP-RTUW-Y]{18}$")]
ItemPath = Annotated[str, Path(pattern=r"^[0-9A-Z]{12}$")]
KeyPath = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")]

PUBLIC_FOR_A_WHILE = {"cache-control": "public, max-age=30", "vary": seen.HEADER.lower()}
"""What the catalogue publishes may be kept by anybody for as long as a route answer, but not shown to whoever has written since."""

NOT_TO_BE_KEPT = {"cache-control": "no-store"}
"""For an answer that says itself that it is behind, and for what is not published."""

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(2100, 1, 1, tzinfo=UTC)
"""Instants beyond these are typing errors, and days near the end of time cannot be counted."""

MOST_LEVELS = 128
"""Lists and objects one in another that a body may have; forms and conditions have bounds of their own, which are narrower."""

_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")
"""PostgreSQL holds no NUL, UTF-8 no half of a surrogate pair."""
_BOUND = 2**63
"""What follows the catalogue reads whole numbers of 64 bits."""

Words = Annotated[str, Query(max_length=30, pattern=r"^[^\x00]*$")]
EndingWithin = Annotated[int | None, Query(ge=1, le=3660, description="天 / days")]
After = Annotated[str, Query(max_length=64, pattern=r"^[^\x00]*$", description="上一页给出的 next / the next of the page before")]


async def _own_heard(request: Request) -> bool:
    return await seen.caught_up(context_of(request), request.headers.get(seen.HEADER, ""), own=True)


OwnHeard = Annotated[bool, Depends(_own_heard)]
"""Whether the index knows what the caller has published; named before the reading door, so that nobody waits with a connection in hand."""


class Body(BaseModel):
    """A request body: nothing in it that is not documented, and nothing that no table or event could hold."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, sent: object) -> object:
        level: list[object] = [sent]
        for _ in range(MOST_LEVELS):
            below: list[object] = []
            for value in level:
                if isinstance(value, str):
                    if _NO_TEXT.search(value):
                        raise ValueError("text with characters that are none")
                elif isinstance(value, dict):
                    below += [*value.keys(), *value.values()]
                elif isinstance(value, list):
                    below += value
                elif (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, int) and not -_BOUND <= value < _BOUND):
                    raise ValueError("a number beyond all bounds")
            level = below
        if level:
            raise ValueError("values in values without end")
        return sent


class ProposalAnswer(BaseModel):
    """Where a document under four eyes stands."""

    key: str
    kind: str
    state: Literal["draft", "published"]
    changed: bool
    """False when the same content stood there already."""


def answer_page(
    read: Reader[Catalog], found: Sequence[D], *, limit: int, key: Callable[[D], str], shown: Callable[[D], JsonObject] = encode_object
) -> Response:
    """A page of what is published; ``next`` is where the following one begins, as long as this one is full."""
    following = key(found[-1]) if len(found) == limit else None
    return read.answer({"items": [shown(one) for one in found], "next": following}, headers=PUBLIC_FOR_A_WHILE)


async def answer_draft(
    read: Reader[Catalog], documents: Documents[D], key: str, *, shown: Callable[[D], JsonObject] = encode_object
) -> Response:
    """The draft that waits under a key, as it can be sent again; its tag goes with its review.

    Raises:
        ProposalNotFound: None waits, or it is none of the caller's business.
    """
    proposal, drafted = await handlers.view(read.tx, documents, key, by=read.caller)
    return read.answer(shown(drafted), etag=proposal.version, headers=NOT_TO_BE_KEPT)


async def draft(write: Writer[Catalog], propose: Callable[[Tx[Catalog]], Awaitable[Proposed]], *, key: str) -> Response:
    """Put one document up for review: 201 for a new draft, 200 when nothing changes."""

    async def act(tx: Tx[Catalog]) -> Answer:
        proposed = await propose(tx)
        changed = key in proposed.changed
        return Answer(status=201 if changed else 200, body=answer_of(proposed.proposals[key], changed=changed))

    return await write(act)


async def review(write: Writer[Catalog], publish: Callable[[Tx[Catalog]], Awaitable[list[Proposal]]]) -> Response:
    """Put one document in force."""

    async def act(tx: Tx[Catalog]) -> Answer:
        [published] = await publish(tx)
        return Answer(status=200, body=answer_of(published, changed=True))

    return await write(act)


def answer_of(proposal: Proposal, *, changed: bool) -> ProposalAnswer:
    """Where a document stands once it was drafted or reviewed."""
    return ProposalAnswer(key=proposal.key, kind=proposal.kind, state=proposal.state.value, changed=changed)
