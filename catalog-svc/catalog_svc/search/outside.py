"""The search index: character bigrams, pinyin, initials, synonyms and fuzzy matching over the base directory, in memory.

Tried against tsvector, trigrams and jieba on 125 names: the only way that finds pinyin prefixes and homophone typos. Costs about 11 µs an
item and query, so it scans; above some 5,000 items candidates would come from a GIN column first.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from pypinyin import Style, lazy_pinyin
from rapidfuzz import fuzz

from catalog_svc.search.domain import Hit
from contracts.values import ItemCode

MAX_QUERY = 60
"""Characters of a query that are looked at."""

_LEAST = 0.35
"""Score below which a hit is noise."""

_SHORT = 3
"""Fewer letters or characters than this mean too many words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    item_code: ItemCode
    name: str
    bigrams: frozenset[str]
    pinyin: str
    initials: str
    words: tuple[tuple[str, str], ...]
    """Everyday words that mean this item, each with its pinyin."""


def synonyms() -> dict[str, tuple[str, ...]]:
    """Everyday words by item name, as the data file lists them: grown from the log of searches that found nothing."""
    found: dict[str, tuple[str, ...]] = {}
    with (files("catalog_svc.seed") / "synonyms.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[row["name"]] = tuple(row["words"].split())
    return found


class SearchIndex:
    """The base directory in memory, in one edition."""

    def __init__(self, names: Iterable[tuple[ItemCode, str]], *, words: Mapping[str, Sequence[str]], edition: int) -> None:
        """Index names.

        Args:
            names: Code and name of every base item.
            words: Everyday words by name.
            edition: The directory's edition that the names are of.
        """
        self.edition = edition
        self._entries = tuple(
            _Entry(
                item_code=code,
                name=name,
                bigrams=_bigrams(name),
                pinyin="".join(lazy_pinyin(name)),
                initials="".join(lazy_pinyin(name, style=Style.FIRST_LETTER)),
                words=tuple((word, "".join(lazy_pinyin(word))) for word in words.get(name, ())),
            )
            for code, name in names
        )

    def find(self, query: str, *, limit: int) -> list[Hit]:
        """The items that a query most likely means, best first; equal scores by shorter name, then by code."""
        text = "".join(query[:MAX_QUERY].lower().split())
        if not text:
            return []
        latin = text.isascii()
        spoken = text if latin else "".join(lazy_pinyin(text))
        bigrams = _bigrams(text)
        hits = (self._score(entry, text=text, spoken=spoken, bigrams=bigrams, latin=latin) for entry in self._entries)
        found = [hit for hit in hits if hit.score >= _LEAST]
        return sorted(found, key=lambda hit: (-hit.score, len(hit.name), hit.item_code))[:limit]

    @staticmethod
    def _score(entry: _Entry, *, text: str, spoken: str, bigrams: frozenset[str], latin: bool) -> Hit:
        best = max(_ways(entry, text=text, spoken=spoken, bigrams=bigrams, latin=latin))
        return Hit(item_code=entry.item_code, name=entry.name, score=round(best[0], 3), why=best[1])


def _ways(entry: _Entry, *, text: str, spoken: str, bigrams: frozenset[str], latin: bool) -> Iterable[tuple[float, str]]:
    yield 0.0, "similar"
    if text == entry.name:
        yield 1.0, "name"
    elif text in entry.name:
        yield 0.9 + 0.05 * len(text) / len(entry.name), "name"
    yield from _by_synonym(entry, text=text, spoken=spoken)
    yield from _by_letters(entry, text) if latin else _by_characters(entry, text=text, spoken=spoken, bigrams=bigrams)


def _by_synonym(entry: _Entry, *, text: str, spoken: str) -> Iterable[tuple[float, str]]:
    for word, sound in entry.words:
        if text == word:
            yield 0.95, "synonym"
        elif len(text) > 1 and (text in word or word in text):
            yield 0.8, "synonym"
        elif len(spoken) > _SHORT and spoken == sound:
            yield 0.75, "synonym"


def _by_letters(entry: _Entry, text: str) -> Iterable[tuple[float, str]]:
    if len(text) > 1 and text in entry.initials:
        yield (0.88 if entry.initials.startswith(text) else 0.7), "initials"
    if len(text) >= _SHORT and text in entry.pinyin:
        yield (0.85 if entry.pinyin.startswith(text) else 0.75), "pinyin"
    if _SHORT * 2 <= len(text) <= len(entry.pinyin):
        yield 0.7 * fuzz.partial_ratio(text, entry.pinyin) / 100, "similar"


def _by_characters(entry: _Entry, *, text: str, spoken: str, bigrams: frozenset[str]) -> Iterable[tuple[float, str]]:
    shared = len(bigrams & entry.bigrams)
    yield 0.8 * shared / len(bigrams) * (0.75 + 0.25 * shared / max(1, len(entry.bigrams))), "characters"
    if len(text) > 1 and spoken in entry.pinyin:
        yield 0.82, "pinyin"
    if len(text) >= _SHORT:
        near = fuzz.partial_ratio(spoken, entry.pinyin) if len(spoken) <= len(entry.pinyin) else fuzz.ratio(spoken, entry.pinyin)
        yield 0.8 * max(0.0, near / 100 - 0.35) / 0.65, "similar"


def _bigrams(text: str) -> frozenset[str]:
    return frozenset(text[index : index + 2] for index in range(len(text) - 1)) or frozenset({text} if text else ())
