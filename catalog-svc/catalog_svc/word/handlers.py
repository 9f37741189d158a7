"""Giving words and giving them up, and what the search asks of them."""

from collections.abc import Sequence

from catalog_svc.base_item import handlers as base_items
from catalog_svc.context import Catalog
from catalog_svc.region import handlers as regions
from catalog_svc.word import store
from catalog_svc.word.domain import MOST, TooManyWords, Word, WordNotFound, check_words
from chassis.database import Tx, lock
from contracts.caller import Caller
from contracts.values import RegionCode

KIND = "word"


async def all_words(tx: Tx[Catalog]) -> list[Word]:
    """Every word that holds, in the order in which they were given."""
    return [word for _, word in await store.list_words(tx, after=0, limit=None)]


async def edition(tx: Tx[Catalog]) -> int:
    """A number that rises with every change of the words."""
    return await store.get_edition(tx)


async def add_words(tx: Tx[Catalog], words: Sequence[Word], *, by: Caller) -> frozenset[Word]:
    """Let words hold; those that hold already stay as they are.

    Returns:
        The words that are new.

    Raises:
        WordUnsound: One makes no sense.
        TooManyWords: The list is full.
        Forbidden: Not an author of the region.
    """
    await _permit(tx, words, by=by)
    known = await base_items.known_base_items(tx, [one.item for one in words if one.item is not None])
    check_words(words, known=known)
    await lock(tx, "words")
    held = await store.newest_entries(tx, words, holds=True)
    new = [one for one in dict.fromkeys(words) if one not in held]
    if new and await store.count_words(tx) + len(new) > MOST:
        raise TooManyWords(facts={"most": MOST})
    await store.add_entries(tx, new, holds=True, by=by.ref)
    return frozenset(new)


async def given_up(tx: Tx[Catalog], words: Sequence[Word]) -> frozenset[Word]:
    """Those of these words that held once and hold no more; locked for what is given now, or one given up meanwhile would hold again."""
    await lock(tx, "words")
    return frozenset(await store.newest_entries(tx, words, holds=False))


async def remove_word(tx: Tx[Catalog], word: Word, *, by: Caller) -> None:
    """Let a word hold no more; the entries say who gave it and who gave it up.

    Raises:
        WordNotFound: It does not hold.
        Forbidden: Not an author of the region.
    """
    await _permit(tx, [word], by=by)
    await lock(tx, "words")
    if not await store.newest_entries(tx, [word], holds=True):
        raise WordNotFound
    await store.add_entries(tx, [word], holds=False, by=by.ref)


async def _permit(tx: Tx[Catalog], words: Sequence[Word], *, by: Caller) -> None:
    places: list[RegionCode] = [one.region for one in words]
    await regions.permit_in(tx, by, aggregate=KIND, action="author", regions=places, about="")
