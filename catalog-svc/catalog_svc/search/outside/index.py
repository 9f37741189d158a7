"""The search index: words, characters and sounds of the base directory, in memory.

A question is taken apart into units: everyday words, pairs of characters, runs of letters. Each unit finds the names that hold it, by its
characters, by its sound, or by what it means, and counts for as much as it is rare. Only names that share a unit are looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import pairwise
from math import log
from time import perf_counter

from catalog_svc.search.domain import Hit
from catalog_svc.search.outside.decoding import Decoder
from catalog_svc.search.outside.letters import Letters, Names, kept
from catalog_svc.search.outside.spelling import as_heard, plain, readings, syllables
from catalog_svc.search.outside.wording import FILLERS, pieces
from contracts.values import NATION, ItemCode, RegionCode

MAX_QUERY = 60
"""Characters of a query that are looked at."""

_LEAST = 0.12
"""Score below which a hit is noise."""

_UNHEARD = 0.35
"""What a unit that no name holds counts for, beside the rarest that one does."""

_DICTIONARY = 1.3
"""What an everyday word counts for beside characters that happen to stand together."""

_FILLED, _TOGETHER = 0.28, 0.2
"""How much it counts that nothing else is in a name, and that the rest of the question is in other words of the same item."""

_SECOND_MEANING = 0.05
"""What a word's further meanings are worth less than its first."""

_LATER = (
    ("变更", "bg", 0.02),
    ("注销", "zx", 0.02),
    ("换发", "h", 0.01),
    ("补", "b", 0.01),
    ("查询", "c", 0.02),
    ("证明", "zm", 0.04),
    ("公证", "gz", 0.04),
)
"""Who does not say what is to be done means the first issue rather than what comes later: what a name loses that
says so unasked, with the letters that would ask for it."""

SPELT, FIRST = 0.95, 0.8
"""What a word is worth that letters spell, or whose initials they are."""

SAME, MEANT, SOUND, ALIKE = 1.0, 0.9, 0.8, 0.65
"""What a unit is worth when a name holds it, holds what it means, sounds like it, or almost sounds like it."""

_SINGLE = 0.25
"""What one character is worth beside a pair."""

_WORD = 0.95
"""What an everyday word of an item is worth beside its name."""

_CLOSE = 150
"""Texts that are looked at closely; the same however many are asked for, so that pages fit together."""


@dataclass(slots=True)
class _Unit:
    """A part of the question with the names that hold it."""

    weight: float
    ways: list[tuple[float, Names]]
    """Names, and what the unit is worth to them; the highest first."""

    @property
    def size(self) -> int:
        """How many names there are to look at."""
        return sum(len(names) for _, names in self.ways)


class SearchIndex:
    """The base directory in memory, in one edition."""

    def __init__(
        self,
        names: Iterable[tuple[ItemCode, str]],
        *,
        words: Mapping[ItemCode, Sequence[tuple[str, RegionCode]]],
        terms: Mapping[str, Sequence[str]],
        edition: tuple[int, int],
    ) -> None:
        """Index names.

        Args:
            names: Code and name of every base item.
            words: Everyday words of an item, each with the region where people say so.
            terms: Everyday words for words that stand in many names, e.g. 驾照 for 驾驶证.
            edition: Of the directory and the words.
        """
        began = perf_counter()
        self.edition = edition
        self._codes: list[ItemCode] = []
        self._names: list[str] = []
        self._of: list[int] = []
        """Item of each text."""
        self._texts: list[str] = []
        self._rank: list[float] = []
        self._local: dict[int, RegionCode] = {}
        """Texts that are said in one region only."""
        holding: dict[str, list[int]] = defaultdict(list)
        for code, name in names:
            item = len(self._codes)
            self._codes.append(code)
            self._names.append(name)
            self._add(item, plain(name).replace(" ", ""), holding, rank=1.0)
            for word, region in words.get(code, ()):
                self._add(item, plain(word).replace(" ", ""), holding, rank=_WORD, region=region)
        self._terms = {plain(word).replace(" ", ""): tuple(plain(one).replace(" ", "") for one in means) for word, means in terms.items()}
        meant = {one for means in self._terms.values() for one in means}
        self._terms |= {one: self._terms.get(one, ()) for one in meant if len(one) > 1}
        self._holding: dict[str, Names] = {unit: kept(found) for unit, found in holding.items()}
        self._holding_term = {term: kept(self._hold_term(term)) for term in {*self._terms, *meant}}
        self._idf = {unit: self._rarity(len(found)) for unit, found in self._holding.items()}
        self._mass = [sum(self._idf["c" + pair] for pair in _pairs(text)) for text in self._texts]
        self._decoder = Decoder(self._terms, fillers=FILLERS)
        self._letters = Letters(self._texts, terms=self._terms)
        self.seconds = perf_counter() - began

    def find(self, query: str, *, limit: int, near: frozenset[RegionCode] = frozenset()) -> list[Hit]:
        """The items that a query most likely means, best first; equal scores by shorter name, then by code."""
        runs = plain(query[:MAX_QUERY]).split()
        if not runs:
            return []
        if all(run.isascii() for run in runs):
            return self._best(self._by_letters("".join(runs), near=near), limit=limit)
        units = [unit for run in runs for unit in self._units(run)]
        return self._best(self._weigh(units, text="".join(runs), near=near), limit=limit)

    def every(self) -> list[Hit]:
        """All items, by code."""
        found = [Hit(item_code=code, name=name, score=0.0, why="every") for code, name in zip(self._codes, self._names, strict=True)]
        return sorted(found, key=lambda hit: hit.item_code)

    def _add(self, item: int, text: str, holding: dict[str, list[int]], *, rank: float, region: RegionCode = NATION) -> None:
        if not text:
            return
        number = len(self._texts)
        self._of.append(item)
        self._texts.append(text)
        self._rank.append(rank)
        if region != NATION:
            self._local[number] = region
        units = {"c" + pair for pair in _pairs(text)} | {"u" + one for one in text}
        read = readings(text)
        for left, right in pairwise(read):
            for one in left:
                for other in right:
                    units.add(f"s{one} {other}")
                    units.add(f"h{as_heard(one)} {as_heard(other)}")
        for unit in units:
            holding[unit].append(number)

    def _hold_term(self, term: str) -> list[int]:
        units = ["c" + pair for pair in _pairs(term)] if len(term) > 1 else ["u" + term]
        fewest: Names = min((self._holding.get(unit, ()) for unit in units), key=len, default=())
        return sorted(number for number in fewest if term in self._texts[number])

    def _rarity(self, found: int) -> float:
        return log(1 + len(self._texts) / (found + 0.5)) if found else 0.0

    def _by_letters(self, letters: str, *, near: frozenset[RegionCode]) -> dict[int, tuple[float, str]]:
        scores: dict[int, tuple[float, str]] = {}
        spelt = self._letters.texts(letters).items()
        ways = [
            (self._of[number], self._rank[number] * score - self._unasked(number, letters), why)
            for number, (score, why) in spelt
            if self._said(number, near)
        ]
        for decoded, worth, why in (
            (self._decoder.by_sound(letters), SPELT, "pinyin"),
            (self._decoder.by_initials(letters), FIRST, "initials"),
        ):
            units = [self._of_words(words) for words in decoded]
            ways += [(item, worth * score, why) for item, (score, _) in self._weigh(units, text="", near=near).items()]
        for item, score, why in ways:
            if score > scores.get(item, (0.0, ""))[0]:
                scores[item] = (score, why)
        return scores

    def _said(self, number: int, near: frozenset[RegionCode]) -> bool:
        return number not in self._local or self._local[number] in near

    # -- a question of characters

    def _weigh(self, units: Sequence[_Unit], *, text: str, near: frozenset[RegionCode]) -> dict[int, tuple[float, str]]:
        unknown = log(1 + len(self._texts)) * _UNHEARD
        total = sum(unit.weight * (1.0 if unit.size else unknown) for unit in units)
        if not total:
            return {}
        sums: dict[int, float] = defaultdict(float)
        parts: dict[int, dict[int, float]] = defaultdict(dict)
        # The rare first: what is common then only orders what they found, and a scan of it is never needed.
        for place, unit in sorted(enumerate(units), key=lambda one: one[1].size):
            few = len(sums) >= _CLOSE and any(isinstance(names, frozenset) for _, names in unit.ways)
            for number, worth in _worths(unit, among=sums.keys() if few else None).items():
                sums[number] += unit.weight * worth
                parts[number][place] = worth
        best = nlargest(_CLOSE, (number for number in sums if self._said(number, near)), key=sums.__getitem__)
        union: dict[int, dict[int, float]] = defaultdict(dict)
        for number in best:
            found = union[self._of[number]]
            for place, worth in parts[number].items():
                found[place] = max(worth, found.get(place, 0.0))
        scores: dict[int, tuple[float, str]] = {}
        for number in best:
            item = self._of[number]
            score, why = self._score(number, sums[number], total=total, text=text)
            held = sum(units[place].weight * worth for place, worth in union[item].items())
            score = min(1.0, score + _TOGETHER * (held - sums[number]) / total)
            if score > scores.get(item, (0.0, ""))[0]:
                scores[item] = (score, why)
        return scores

    def _score(self, number: int, held: float, *, total: float, text: str) -> tuple[float, str]:
        own = self._rank[number] == 1
        if text == self._texts[number]:
            return (1.0, "name") if own else (0.97, "synonym")
        filled = min(1.0, held / max(self._mass[number], 1.0))
        score = self._rank[number] * held / total * (1 - _FILLED + _FILLED * filled)
        return score - self._unasked(number, text), "characters" if own else "synonym"

    def _unasked(self, number: int, text: str) -> float:
        name = self._names[self._of[number]]
        return sum(loss for word, letters, loss in _LATER if word in name and word[:1] not in text and letters not in text)

    def _units(self, run: str) -> Iterator[_Unit]:
        if run.isascii():
            if len(run) > 1:
                found = self._letters.texts(run)
                ways = sorted(((score, (number,)) for number, (score, _) in found.items()), reverse=True)
                yield _Unit(weight=max(3.0, len(run)), ways=list(ways))
            return
        for piece in pieces(run, words=self._terms, known=lambda pair: len(pair) > 1 and "c" + pair in self._holding):
            if piece in self._terms:
                yield self._of_words((piece,))
            else:
                yield from self._of_rest(piece)

    def _of_words(self, words: Sequence[str]) -> _Unit:
        """One word, or words of one sound."""
        ways: list[tuple[float, Names]] = [(SAME, self._holding_term[word]) for word in words]
        for word in words:
            ways += [(MEANT - (_SECOND_MEANING if place else 0), self._holding_term[one]) for place, one in enumerate(self._terms[word])]
        ways.sort(key=lambda way: -way[0])
        length = max(len(word) for word in words)
        found = min(sum(len(names) for _, names in ways), len(self._texts))
        return _Unit(weight=_DICTIONARY * self._rarity(found) * max(1.0, 0.7 * (length - 1)) or 1.0, ways=ways)

    def _of_rest(self, text: str) -> Iterator[_Unit]:
        read = syllables(text)
        for at, pair in enumerate(_pairs_in_order(text)):
            units = (("c" + pair, SAME), (f"s{read[at]} {read[at + 1]}", SOUND), (f"h{as_heard(read[at])} {as_heard(read[at + 1])}", ALIKE))
            held = [(unit, worth) for unit, worth in units if unit in self._holding]
            weight = max((self._idf[unit] * worth for unit, worth in held), default=1.0)
            yield _Unit(weight=weight, ways=[(worth, self._holding[unit]) for unit, worth in held])
        for one in text:
            names = self._holding.get("u" + one, ())
            yield _Unit(weight=_SINGLE * self._idf.get("u" + one, 1.0), ways=[(SAME, names)])

    def _best(self, scores: Mapping[int, tuple[float, str]], *, limit: int) -> list[Hit]:
        found = [
            Hit(item_code=self._codes[item], name=self._names[item], score=round(score, 3), why=why)
            for item, (score, why) in scores.items()
            if score >= _LEAST
        ]
        return sorted(found, key=lambda hit: (-hit.score, len(hit.name), hit.item_code))[:limit]


def _worths(unit: _Unit, *, among: Collection[int] | None) -> dict[int, float]:
    """What a unit is worth to the names that hold it."""
    found: dict[int, float] = {}
    for worth, names in reversed(unit.ways):
        if among is None:
            found |= dict.fromkeys(names, worth)
        else:
            held = names if isinstance(names, frozenset) else frozenset(names)
            found |= dict.fromkeys((number for number in among if number in held), worth)
    return found


def _pairs_in_order(text: str) -> list[str]:
    return [text[at : at + 2] for at in range(len(text) - 1)]


def _pairs(text: str) -> set[str]:
    return set(_pairs_in_order(text))
