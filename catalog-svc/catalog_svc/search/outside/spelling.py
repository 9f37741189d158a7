"""How a text is read: simplified, without marks, as syllables, and as people of the south type those syllables.

What is typed by ear differs in the same few ways everywhere: zh for z, n for l, in for ing, hu for fu. Two readings that differ only so
are one here.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from runpy import run_module

# As the library keeps its phrases they take 45 MiB of every process: `_phrases` reads them.
os.environ["PYPINYIN_NO_PHRASES"] = os.environ["PYPINYIN_NO_DICT_COPY"] = "1"

import orjson
from pypinyin import lazy_pinyin, load_phrases_dict
from pypinyin.contrib.tone_convert import to_normal
from pypinyin.core import Pinyin

_NUMERALS = str.maketrans("0123456789", "零一二三四五六七八九")

_FLAT = re.compile(r"(?<=[zcs])h")
_NASAL = re.compile(r"(?<=[aei])ng(?![aeiouv])")
_BLOWN = re.compile(r"hu(?=[aeio])")

_RUNS = re.compile(r"[a-z]+|[\u3400-\u9fff]+")

OTHER_READINGS = {
    "还": ("hai", "huan"),
    "重": ("zhong", "chong"),
    "调": ("diao", "tiao"),
    "行": ("xing", "hang"),
    "长": ("chang", "zhang"),
    "载": ("zai",),
    "参": ("can", "shen"),
    "给": ("gei", "ji"),
    "卡": ("ka", "qia"),
    "核": ("he", "hu"),
    "车": ("che", "ju"),
    "降": ("jiang", "xiang"),
    "更": ("geng",),
    "量": ("liang",),
    "校": ("xiao", "jiao"),
    "省": ("sheng", "xing"),
    "薄": ("bo", "bao"),
    "属": ("shu", "zhu"),
    "落": ("luo", "la"),
    "供": ("gong",),
    "教": ("jiao",),
    "处": ("chu",),
    "传": ("chuan", "zhuan"),
    "转": ("zhuan",),
    "会": ("hui", "kuai"),
    "缴": ("jiao", "zhuo"),
    "率": ("lv", "shuai"),
    "便": ("bian", "pian"),
    "单": ("dan", "shan"),
    "提": ("ti", "di"),
    "说": ("shuo",),
    "仔": ("zi", "zai"),
    "朝": ("chao", "zhao"),
    "血": ("xue", "xie"),
    "似": ("si", "shi"),
    "宿": ("su", "xiu"),
}
"""Characters that are read in several ways, and the readings people type for them."""


def plain(text: str) -> str:
    """Small letters and simplified characters; digits as numerals; a space for every mark between."""
    folded = unicodedata.normalize("NFKC", text).lower().translate(_NUMERALS).translate(_simplified())
    return " ".join(_RUNS.findall(folded.replace("ü", "v")))


@lru_cache(maxsize=50_000)
def syllables(text: str) -> tuple[str, ...]:
    """One syllable for each character, without tones; a character without one stands for itself."""
    return tuple(_READER.lazy_pinyin(text))


def readings(text: str) -> tuple[tuple[str, ...], ...]:
    """For each character how it is read here, and the other ways it could be."""
    return tuple(
        (read, *(other for other in OTHER_READINGS.get(mark, ()) if other != read))
        for mark, read in zip(text, syllables(text), strict=True)
    )


@lru_cache(maxsize=5_000)
def as_heard(letters: str) -> str:
    """Letters of one or more syllables, with what southern ears do not part written in one way."""
    flat = _NASAL.sub("n", _FLAT.sub("", letters.replace("v", "u")))
    return _BLOWN.sub("f", flat).replace("hu", "fu").replace("l", "n")


@cache
def _simplified() -> dict[int, str]:
    text = (files("catalog_svc.seed") / "simplified.txt").read_text(encoding="utf-8")
    return {ord(pair[0]): pair[1] for pair in text.split()}


def _phrases() -> frozenset[str]:
    """The phrases that a text is cut into. The library is told the readings of the few that are not read as their characters are alone."""
    phrases: Mapping[str, list[list[str]]] = run_module("pypinyin.phrases_dict")["phrases_dict"]
    alone, toneless = cache(lazy_pinyin), cache(to_normal)
    apart = {
        phrase: marks
        for phrase, marks in phrases.items()
        if any(toneless(read[0]) != alone(mark)[0] for mark, read in zip(phrase, marks, strict=True))
    }
    # Copies: of pages on which one string stays none is given back.
    kept, found = orjson.loads(orjson.dumps((apart, list(phrases))))
    load_phrases_dict(kept)
    return frozenset(found)


class _Reader(Pinyin):
    """Reads a text by the longest phrases it begins with, one after the other, as the library does with all its phrases."""

    def __init__(self, phrases: frozenset[str]) -> None:
        super().__init__()
        self._phrases = phrases
        self._longest = max(map(len, phrases))

    def pre_seg(self, hans: str, **_: object) -> list[str]:
        """Phrases, and single characters between them."""
        found, at = [], 0
        while at < len(hans):
            sizes = range(min(self._longest, len(hans) - at), 1, -1)
            size = next((size for size in sizes if hans[at : at + size] in self._phrases), 1)
            found.append(hans[at : at + size])
            at += size
        return found


_READER = _Reader(_phrases())
