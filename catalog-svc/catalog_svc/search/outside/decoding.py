"""Letters taken apart into words of the directory: what an input method would offer, of our words alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from catalog_svc.search.outside.spelling import as_heard, syllables

_LONGEST = 30
_INITIALS = 4
_SIZE = 3
_COVERED = 0.75
"""Share of the letters that must be words, else they are none."""

_SKIPPED, _SHORT, _WORD = 1.0, 0.6, 0.2
"""What it costs to leave a letter out, to take a word of one syllable, and to take a longer one: few long words are likeliest."""


class Decoder:
    """Words by their sound and by their initials."""

    def __init__(self, words: Iterable[str], *, fillers: Iterable[str]) -> None:
        """Spell words.

        Args:
            words: Everyday words and what they stand for, simplified.
            fillers: Words that say nothing; read over.
        """
        self._sounds: dict[str, list[str]] = defaultdict(list)
        self._firsts: dict[str, list[str]] = defaultdict(list)
        for filler in fillers:
            if len(filler) > 1:
                self._sounds[as_heard("".join(syllables(filler)))] = []
        for word in sorted(words):
            read = syllables(word)
            self._sounds[as_heard("".join(read))].append(word)
            if len(word) > 1:
                self._firsts["".join(one[0] for one in read)].append(word)

    def by_sound(self, letters: str) -> list[tuple[str, ...]]:
        """The words that the letters spell, those of one sound together; empty when too little of them is words."""
        return _apart(as_heard(letters), self._sounds, least=_SIZE)

    def by_initials(self, letters: str) -> list[tuple[str, ...]]:
        """The words whose first letters these are; empty for letters with a vowel."""
        return [] if len(letters) < _INITIALS or set(letters) & set("aeiouv") else _apart(letters, self._firsts, least=2)


def _apart(letters: str, words: Mapping[str, list[str]], *, least: int) -> list[tuple[str, ...]]:
    best: list[tuple[float, int, tuple[str, ...]]] = [(0.0, 0, ())]
    for end in range(1, len(letters) + 1):
        cost, covered, taken = best[end - 1]
        chosen = (cost + _SKIPPED, covered, taken)
        for size in range(least, min(_LONGEST, end) + 1):
            part = letters[end - size : end]
            if part in words:
                cost, covered, taken = best[end - size]
                step = cost + (_SHORT if any(len(word) == 1 for word in words[part]) else _WORD)
                if step < chosen[0]:
                    chosen = (step, covered + size, (*taken, part))
        best.append(chosen)
    _, covered, taken = best[-1]
    return [tuple(words[part]) for part in taken if words[part]] if covered >= _COVERED * len(letters) else []
