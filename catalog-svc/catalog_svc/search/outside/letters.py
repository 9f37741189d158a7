"""Letters without characters: full pinyin, with slips and as southern ears write it, and initials."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from heapq import nlargest
from itertools import islice
from math import log
from typing import TypeAlias

from rapidfuzz import fuzz
from rapidfuzz.distance import Indel

from catalog_svc.search.outside.spelling import as_heard, syllables

_SIZE = 3
"""Letters that are looked up together."""

_CLOSE = 100
"""Spellings that are looked at closely."""

_SPELLINGS = 12
"""Ways to say one name that are spelt."""

_LONGEST = 16
"""More letters are no initials."""

_MANY = 1500

Names: TypeAlias = Sequence[int] | frozenset[int]
"""Numbers of those that hold a unit; a set where they are many, which is only asked about those that rarer units found."""


def kept(names: list[int]) -> Names:
    """Numbers as they are kept."""
    return frozenset(names) if len(names) > _MANY else tuple(names)


class Letters:
    """The spellings of texts, and which of them a run of letters means."""

    def __init__(self, texts: Sequence[str], *, terms: Mapping[str, Sequence[str]]) -> None:
        """Spell every text, also with everyday words in the place of its own.

        Args:
            texts: Characters, simplified.
            terms: Everyday words and what they stand for.
        """
        everyday: dict[str, list[str]] = defaultdict(list)
        for word, means in terms.items():
            for one in means:
                everyday[one].append(word)
        self._of: list[int] = []
        self._spelt: list[str] = []
        self._heard: list[str] = []
        self._initials: list[str] = []
        grams: dict[str, list[int]] = defaultdict(list)
        firsts: dict[str, list[int]] = defaultdict(list)
        for number, text in enumerate(texts):
            for variant in _variants(text, everyday):
                self._add(number, variant, grams=grams, firsts=firsts)
        self._grams = {gram: kept(found) for gram, found in grams.items()}
        self._firsts = {gram: kept(found) for gram, found in firsts.items()}

    def _add(self, number: int, text: str, *, grams: dict[str, list[int]], firsts: dict[str, list[int]]) -> None:
        at = len(self._of)
        read = syllables(text)
        spelt, initials = "".join(read), "".join(one[0] for one in read if one)
        self._of.append(number)
        self._spelt.append(spelt)
        self._heard.append(as_heard(spelt))
        self._initials.append(initials)
        for gram in _grams(self._heard[at], _SIZE):
            grams[gram].append(at)
        for gram in _grams(initials, 2):
            firsts[gram].append(at)

    def texts(self, letters: str) -> dict[int, tuple[float, str]]:
        """Texts that the letters may spell, each with a score to 1 and why."""
        found: dict[int, tuple[float, str]] = {}
        for at, score, why in (*self._by_sound(letters), *self._by_initials(letters)):
            number = self._of[at]
            if score > found.get(number, (0.0, ""))[0]:
                found[number] = (score, why)
        return found

    def _close(self, grams: Iterable[str], holding: Mapping[str, Names]) -> dict[int, float]:
        sums: dict[int, float] = defaultdict(float)
        total = 0.0
        # The rare first: what is common only orders what they found.
        for gram in sorted(grams, key=lambda one: len(holding.get(one, ()))):
            found = holding.get(gram, ())
            weight = log(1 + len(self._of) / (len(found) + 0.5))
            total += weight
            few = isinstance(found, frozenset) and len(sums) >= _CLOSE
            for at in [one for one in sums if one in found] if few else found:
                sums[at] += weight
        best = nlargest(_CLOSE, sums, key=sums.__getitem__)
        return {at: sums[at] / total for at in best}

    def _by_sound(self, letters: str) -> Iterable[tuple[int, float, str]]:
        if len(letters) < _SIZE:
            return
        heard = as_heard(letters)
        for at, shared in self._close(_grams(heard, _SIZE), self._grams).items():
            spelt = self._spelt[at]
            exact = letters in spelt
            near = max(_near(letters, spelt), 0.97 * _near(heard, self._heard[at]))
            filled = min(1.0, len(heard) / max(1, len(self._heard[at])))
            score = (0.4 * shared + 0.6 * max(0.0, near - 0.5) / 0.5) * (0.8 + 0.15 * filled + (0.05 if spelt.startswith(letters) else 0))
            yield at, score, "pinyin" if exact else "similar"

    def _by_initials(self, letters: str) -> Iterable[tuple[int, float, str]]:
        if len(letters) > _LONGEST:
            return
        for at in self._close(_grams(letters, 2), self._firsts):
            initials = self._initials[at]
            filled = min(1.0, len(letters) / len(initials))
            if letters in initials:
                yield at, 0.78 + 0.12 * filled + (0.06 if initials.startswith(letters) else 0), "initials"
            elif len(letters) > _SIZE:
                inside = Indel.similarity(letters, initials) / 2 / len(letters)
                yield at, max(0.0, inside - 0.5) * 1.3 * (0.85 + 0.15 * filled), "initials"


def _near(letters: str, spelt: str) -> float:
    return (fuzz.partial_ratio(letters, spelt) if len(letters) <= len(spelt) else fuzz.ratio(letters, spelt)) / 100


def _grams(text: str, size: int) -> set[str]:
    return {text[at : at + size] for at in range(len(text) - size + 1)} or {text}


def _variants(text: str, everyday: Mapping[str, Sequence[str]]) -> list[str]:
    found = [text]
    for term, words in everyday.items():
        if len(term) > 1 and term in text:
            found += [one.replace(term, word) for one in islice(found, _SPELLINGS) for word in words if term in one]
    return list(dict.fromkeys(found))[:_SPELLINGS]
