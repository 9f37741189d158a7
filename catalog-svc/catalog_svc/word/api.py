"""Routes of everyday words."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, StringConstraints

from catalog_svc.context import Catalog
from catalog_svc.proposal.api import PUBLIC_FOR_A_WHILE, Body, ItemText, RegionText
from catalog_svc.word import handlers, store
from catalog_svc.word.domain import LONGEST, Word
from chassis.database import Tx
from chassis.doors import PUBLIC_READER, WRITER, Answer, Reader, Writer
from chassis.paging import DEFAULT_LIMIT, Limit
from contracts.values import NATION, ItemCode, Json, RegionCode

router = APIRouter(prefix="/v1/search/words", tags=["search"])

WordText = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST, strip_whitespace=True)]


class WordBody(Body):
    """What people say, and what they mean by it: an item, or a word of the directory."""

    word: WordText
    item_code: ItemText | None = None
    means: WordText | None = None
    region: RegionText = NATION
    """Where people say so."""


class WordAnswer(BaseModel):
    """What became of a word."""

    word: str
    changed: bool
    """False when it stood there already."""


class WordList(BaseModel):
    """A page of words."""

    items: list[WordBody]
    next: int | None
    """Value of ``after`` for the next page."""


@router.get("", operation_id="listWords", response_model=WordList)
async def list_words(
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """The everyday words that the search knows, in the order in which they were given."""
    found = await store.list_words(read.tx, after=after, limit=limit)
    items: list[Json] = [{"word": one.word, "item_code": one.item, "means": one.means, "region": one.region} for _, one in found]
    return read.answer({"items": items, "next": found[-1][0] if len(found) == limit else None}, headers=PUBLIC_FOR_A_WHILE)


@router.post("", operation_id="addWord", status_code=201, response_model=WordAnswer)
async def add_word(write: Annotated[Writer[Catalog], WRITER], body: WordBody) -> Response:
    """Teach the search a word, at once and without a second officer; the same word again changes nothing."""
    word = _word(body)

    async def act(tx: Tx[Catalog]) -> Answer:
        changed = word in await handlers.add_words(tx, [word], by=write.caller)
        return Answer(status=201 if changed else 200, body=WordAnswer(word=word.word, changed=changed))

    return await write(act)


@router.post("/removal", operation_id="removeWord", response_model=WordAnswer)
async def remove_word(write: Annotated[Writer[Catalog], WRITER], body: WordBody) -> Response:
    """Let the search forget a word."""
    word = _word(body)

    async def act(tx: Tx[Catalog]) -> Answer:
        await handlers.remove_word(tx, word, by=write.caller)
        return Answer(status=200, body=WordAnswer(word=word.word, changed=True))

    return await write(act)


def _word(body: WordBody) -> Word:
    return Word(
        word=body.word,
        item=None if body.item_code is None else ItemCode(body.item_code),
        means=body.means,
        region=RegionCode(body.region),
    )
