"""Case numbers: written, read, slips found."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contracts.values import RegionCode
from rules.case_numbers import CaseNumber, CaseNumberMalformed, number, parse
from tests.contracts.builders import TODAY, TONGGU

DAYS = st.dates(date(2000, 1, 1), date(2199, 12, 31))
SEQUENCES = st.integers(1, 999_999)
REGIONS = st.integers(100_000, 999_999).map(lambda code: RegionCode(str(code)))


@given(region=REGIONS, day=DAYS, sequence=SEQUENCES)
def test_what_is_written_is_read_back(region: RegionCode, day: date, sequence: int) -> None:
    text = number(region=region, day=day, sequence=sequence)

    assert len(text) == 21
    assert parse(text) == CaseNumber(region=region, day=day, sequence=sequence)
    assert parse(text.lower()) == parse(text)


@given(region=REGIONS, day=DAYS, sequence=SEQUENCES, place=st.integers(0, 20), digit=st.sampled_from("0123456789X"))
def test_one_wrong_character_is_found(region: RegionCode, day: date, sequence: int, place: int, digit: str) -> None:
    text = number(region=region, day=day, sequence=sequence)
    assume(text[place] != digit)

    with pytest.raises(CaseNumberMalformed):
        parse(text[:place] + digit + text[place + 1 :])


@given(region=REGIONS, day=DAYS, sequence=SEQUENCES, place=st.integers(0, 18))
def test_swapped_neighbours_are_found(region: RegionCode, day: date, sequence: int, place: int) -> None:
    text = number(region=region, day=day, sequence=sequence)
    assume(text[place] != text[place + 1])

    with pytest.raises(CaseNumberMalformed):
        parse(text[:place] + text[place + 1] + text[place] + text[place + 2 :])


@pytest.mark.parametrize("text", ["", "1", "0193b3c1-7c1e-7000-8000-000000000000", "３60926202611230000017", "x" * 21])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(CaseNumberMalformed):
        parse(text)


@pytest.mark.parametrize(("region", "sequence"), [(TONGGU, 0), (TONGGU, 1_000_000), (RegionCode("36092"), 1)])
def test_numbers_out_of_bounds_are_not_written(region: RegionCode, sequence: int) -> None:
    with pytest.raises(ValueError, match=r"sequence|region"):
        number(region=region, day=TODAY, sequence=sequence)
