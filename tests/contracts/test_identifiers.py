"""Identity numbers, by published examples and by their check digits."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rules.identifiers import check_character, check_identity, is_phone, mask, mask_name, normalise
from tests.contracts.builders import RESIDENT, TODAY


def with_check(body: str) -> str:
    return body + check_character(body)


@pytest.mark.parametrize(
    ("id_type", "number", "broken"),
    [
        ("resident_id", RESIDENT, None),
        ("resident_id", "11010519491231002x", None),
        ("resident_id", "１１０１０５１９４９１２３１００２Ｘ", None),
        ("resident_id", " 110105 19491231 002X ", None),
        ("resident_id", "110105194912310021", "identity.check-digit"),
        ("resident_id", "11010519491231002", "identity.malformed"),
        ("resident_id", RESIDENT + "1", "identity.malformed"),
        ("resident_id", with_check("43042319990230001"), "identity.birth-date"),
        ("resident_id", with_check("43042320991231001"), "identity.birth-date"),
        ("resident_id", with_check("43042319780101001"), None),
        ("resident_id", with_check("33011419780101001"), None),
        ("resident_id", with_check("81000019780101001"), "identity.malformed"),
        ("hmt_residence_permit", with_check("81000019780101001"), None),
        ("hmt_residence_permit", with_check("83000019780101001"), None),
        ("hmt_residence_permit", RESIDENT, "identity.malformed"),
        ("mainland_permit_hm", "H12345678", None),
        ("mainland_permit_hm", "m1234567890", None),
        ("mainland_permit_hm", "H123456789", "identity.malformed"),
        ("mainland_permit_tw", "12345678", None),
        ("mainland_permit_tw", "1234567", "identity.malformed"),
        ("foreign_permanent_resident", with_check("91184019820205001"), None),
        ("foreign_permanent_resident", "911840198202050012", "identity.check-digit"),
        ("foreign_permanent_resident", with_check("11010519491231002"), "identity.malformed"),
        ("foreign_permanent_resident", "CAN110019900101", "identity.check-digit"),
        ("passport", "E12345678", None),
        ("passport", "E1", "identity.malformed"),
        ("uscc", "11430181006128574K", None),
        ("uscc", "11430181006128574J", "identity.check-digit"),
        ("uscc", "1143018100612857", "identity.malformed"),
        ("library-card", "1", "identity.type-unknown"),
    ],
)
def test_a_number_stands_or_names_its_rule(id_type: str, number: str, broken: str | None) -> None:
    assert check_identity(id_type, number=number, on=TODAY) == broken


def test_a_child_born_today_has_a_number() -> None:
    assert check_identity("resident_id", number=with_check("43018120261123001"), on=TODAY) is None
    assert check_identity("resident_id", number=with_check("43018120261123001"), on=date(2026, 11, 22)) is not None


@given(place=st.integers(0, 16), digit=st.sampled_from("0123456789"))
def test_one_wrong_digit_is_always_found(place: int, digit: str) -> None:
    assume(RESIDENT[place] != digit)

    assert check_identity("resident_id", number=RESIDENT[:place] + digit + RESIDENT[place + 1 :], on=TODAY) is not None


@given(number=st.text(max_size=20))
def test_any_text_gets_an_answer_and_no_crash(number: str) -> None:
    for id_type in ("resident_id", "foreign_permanent_resident", "uscc", "passport", "mainland_permit_hm"):
        check_identity(id_type, number=number, on=TODAY)
    is_phone(number)


@pytest.mark.parametrize(
    ("number", "masked"),
    [(RESIDENT, "110105********002X"), ("E12345678", "*******78"), ("1234", "****"), ("", "")],
)
def test_a_mask_shows_six_and_four_of_a_long_number(number: str, masked: str) -> None:
    assert mask(number) == masked


def test_names_are_masked() -> None:
    assert [mask_name(name, legal=False) for name in ("欧阳小明", "张三", "谭")] == ["***明", "*三", "*"]
    assert mask_name("浏阳花炮有限公司", legal=True) == "浏阳花炮有限公司"


@given(number=st.text(max_size=20))
def test_one_spelling_stays_itself(number: str) -> None:
    assert normalise(normalise(number)) == normalise(number)


@pytest.mark.parametrize("number", ["13800138000", "0731-83612345", "+852-21234567", "１３８００１３８０００", "138 0013 8000"])
def test_telephone_numbers_are_known(number: str) -> None:
    assert is_phone(number)


@pytest.mark.parametrize("number", ["12800138000", "1380013800", "138001380001", "call me", ""])
def test_other_texts_are_no_telephone_numbers(number: str) -> None:
    assert not is_phone(number)
