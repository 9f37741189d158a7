"""How a text is read: as the library does with all its phrases, which the search does not keep."""

import os
import subprocess
import sys

import orjson
import pytest

from catalog_svc.search.outside.spelling import syllables
from catalog_svc.seed.reading import Seed

_READ = "import json, pypinyin, sys; print(json.dumps([pypinyin.lazy_pinyin(text) for text in json.load(sys.stdin)]))"
"""In a process of its own: in this one the library has few phrases."""


def test_every_name_and_word_of_the_seed_is_read_as_with_all_phrases_of_the_library() -> None:
    seed = Seed()
    texts = sorted({*(one.name for one in seed.base_items()), *(one.word for one in seed.words())})
    texts = [text for text in texts if all("\u4e00" <= mark <= "\u9fff" for mark in text)]

    whole = {name: value for name, value in os.environ.items() if not name.startswith("PYPINYIN_")}
    read = subprocess.run([sys.executable, "-c", _READ], input=orjson.dumps(texts), env=whole, capture_output=True, check=True, timeout=60)

    assert len(texts) > 100
    assert [list(syllables(text)) for text in texts] == orjson.loads(read.stdout)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("银行", "yin hang"),
        ("机动车行驶证", "ji dong che xing shi zheng"),
        ("重庆市长", "chong qing shi zhang"),
        ("a证b", "a zheng b"),
        ("", ""),
    ],
)
def test_a_character_is_read_as_its_phrase_has_it(text: str, read: str) -> None:
    assert " ".join(syllables(text)) == read
