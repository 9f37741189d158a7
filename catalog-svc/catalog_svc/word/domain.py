"""An everyday word: 驾照 for every 驾驶证, or 外管证 for one item.

Words need no second person: they change what is found, never what holds. Every entry says who brought it in, and none is ever removed:
a word given up is another entry.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from contracts.refusals import Conflict, Defect, Invalid, NotFound
from contracts.values import NATION, ItemCode, RegionCode

LONGEST = 20
"""Characters of a word."""

MOST = 20_000
"""Words in force at once; the index holds them all in memory."""


class WordUnsound(Invalid):
    """A word that could find nothing, or that no officer of that region may give."""

    RULE: ClassVar[str] = "word.unsound"
    ZH: ClassVar[str] = "常用词数据不正确"
    EN: ClassVar[str] = "The word's data is wrong"


class WordNotFound(NotFound):
    """Nobody gave this word, or it was given up."""

    RULE: ClassVar[str] = "word.not-found"
    ZH: ClassVar[str] = "没有这个常用词"
    EN: ClassVar[str] = "There is no such word"


class TooManyWords(Conflict):
    """The list is full; ``facts``: ``most``."""

    RULE: ClassVar[str] = "word.too-many"
    ZH: ClassVar[str] = "常用词数量已达上限"
    EN: ClassVar[str] = "There are as many words as may be"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What people say, and what they mean by it: an item, or another word."""

    word: str
    item: ItemCode | None
    means: str | None
    """A word of the directory; exactly one of ``item`` and ``means`` is given."""
    region: RegionCode
    """Where people say so; a word for a word is said everywhere."""


def check_words(words: Collection[Word], *, known: Collection[ItemCode]) -> None:
    """Refuse words that make no sense.

    Args:
        words: As given.
        known: Codes of base items.

    Raises:
        WordUnsound: With a defect for each thing wrong.
    """
    defects = [defect for word in words for defect in _defects(word, known)]
    if defects:
        raise WordUnsound(defects=tuple(defects))


def _defects(word: Word, known: Collection[ItemCode]) -> list[Defect]:
    found: list[Defect] = []
    if (word.item is None) == (word.means is None):
        found.append(
            _defect("word.one-meaning", "/means", "应当只填写事项编码或者标准词之一", "Give either an item or a word, and not both")
        )
    if word.item is not None and word.item not in known:
        found.append(_defect("word.item-unknown", "/item_code", "基本目录中没有此事项", "No base item has this code"))
    if word.means is not None and word.region != NATION:
        found.append(
            _defect("word.nation-only", "/region", "词语之间的对应由国家级统一维护", "Only the nation says what a word means everywhere")
        )
    if word.means == word.word:
        found.append(_defect("word.same", "/means", "常用词与标准词相同", "The word means itself"))
    found += [
        _defect("word.characters", pointer, "应当含有汉字", "It has no Chinese character")
        for pointer, text in (("/word", word.word), ("/means", word.means))
        if text is not None and not any("\u3400" <= mark <= "\u9fff" for mark in text)
    ]
    return found


def _defect(rule_id: str, pointer: str, message: str, message_en: str) -> Defect:
    return Defect(rule_id=rule_id, pointer=pointer, message=message, message_en=message_en)
