"""How a text is read: simplified, without marks, as syllables, and as people of the south type those syllables.

What is typed by ear differs in the same few ways everywhere: zh for z, n for l, in for ing, hu for fu. Two readings that differ only so
are one here.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from importlib.resources import files

from pypinyin import lazy_pinyin

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
    read = tuple(lazy_pinyin(text))
    return read if len(read) == len(text) else tuple(lazy_pinyin(one)[0] for one in text)


def readings(text: str) -> tuple[tuple[str, ...], ...]:
    """For each character how it is read here, and the other ways it could be."""
    return tuple(
        (read, *(other for other in OTHER_READINGS.get(mark, ()) if other != read))
        for mark, read in zip(text, syllables(text), strict=True)
    )


@lru_cache(maxsize=100_000)
def as_heard(letters: str) -> str:
    """Letters of one or more syllables, with what southern ears do not part written in one way."""
    flat = _NASAL.sub("n", _FLAT.sub("", letters.replace("v", "u")))
    return _BLOWN.sub("f", flat).replace("hu", "fu").replace("l", "n")


@cache
def _simplified() -> dict[int, str]:
    text = (files("catalog_svc.seed") / "simplified.txt").read_text(encoding="utf-8")
    return {ord(pair[0]): pair[1] for pair in text.split()}
