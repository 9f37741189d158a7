"""Identity numbers of people and firms, phone numbers: read, checked, masked.

A number is always read together with the kind it is said to be. Check digits are computed; whether the county in a
resident id exists is no gate: old counties are gone and their holders' numbers stay valid.

Source: GB 11643 (resident id), GB 32100 (unified social credit code), notes of issue of the permits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from itertools import cycle

from stdnum.cn import uscc


class IdType(StrEnum):
    """Kinds of identity numbers that an application may carry."""

    RESIDENT_ID = "resident_id"
    """居民身份证"""
    HMT_RESIDENCE_PERMIT = "hmt_residence_permit"
    """港澳台居民居住证"""
    MAINLAND_PERMIT_HM = "mainland_permit_hm"
    """港澳居民来往内地通行证"""
    MAINLAND_PERMIT_TW = "mainland_permit_tw"
    """台湾居民来往大陆通行证"""
    FOREIGN_PERMANENT_RESIDENT = "foreign_permanent_resident"
    """外国人永久居留身份证, 18 characters since 2023, 15 before."""
    PASSPORT = "passport"
    """护照; of any state, so only its shape is looked at."""
    USCC = "uscc"
    """统一社会信用代码"""


UNKNOWN_TYPE = "identity.type-unknown"
MALFORMED = "identity.malformed"
CHECK_DIGIT = "identity.check-digit"
BIRTH_DATE = "identity.birth-date"

LEGAL_TYPES = frozenset({IdType.USCC})
"""What a legal person or sole trader is named by; all others name a natural person."""

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_RESIDENT = re.compile(r"[1-8][0-9]{16}[0-9X]", re.ASCII)
_PERMANENT_18 = re.compile(r"9[0-9]{16}[0-9X]", re.ASCII)
_PERMANENT_15 = re.compile(r"[A-Z]{3}[0-9]{12}", re.ASCII)
_PERMIT_HM = re.compile(r"[HM](?:[0-9]{8}|[0-9]{10})", re.ASCII)
_PERMIT_TW = re.compile(r"[0-9]{8}", re.ASCII)
_PASSPORT = re.compile(r"[A-Z0-9]{5,15}", re.ASCII)
_USCC = re.compile(r"[0-9A-HJ-NP-RTUW-Y]{18}", re.ASCII)
_MOBILE = re.compile(r"1[3-9][0-9]{9}", re.ASCII)
_OTHER_PHONE = re.compile(r"(?:\+?(?:852|853|886)-?[0-9]{8,10}|0[0-9]{2,3}-?[0-9]{7,8}(?:-[0-9]{1,6})?)", re.ASCII)
_HMT_PREFIXES = ("810000", "820000", "830000")
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


def normalise(number: str) -> str:
    """One spelling per number: half-width, upper-case, without spaces; do this before hashing or comparing."""
    return "".join(number.translate(_FULL_WIDTH).split()).upper()


def mask(number: str) -> str:
    """Show the first six and last four characters, as on official lists; of a short number only the last two."""
    text = normalise(number)
    if len(text) < 15:  # noqa: PLR2004 - the shortest number for which 6 + 4 hides at least a third
        return "*" * max(len(text) - 2, 0) + text[-2:] if len(text) > 4 else "*" * len(text)  # noqa: PLR2004
    return text[:6] + "*" * (len(text) - 10) + text[-4:]


def mask_name(name: str, *, legal: bool) -> str:
    """Show the last character of a person's name only, e.g. ``**明``; a firm's name is public and stays.

    The one mask of a name there is: two that leave different characters would together show a short name whole.
    """
    text = name.strip()
    if legal:
        return text
    return "*" * (len(text) - 1) + text[-1:] if len(text) > 1 else "*" * len(text)


def check_identity(id_type: str, *, number: str, on: date) -> str | None:
    """The rule that a number breaks, or ``None`` when it may stand.

    Args:
        id_type: A value of `IdType`.
        number: As sent; it is normalised here.
        on: Today in Asia/Shanghai: nobody is born after it.

    Returns:
        ``identity.type-unknown``, ``identity.malformed``, ``identity.check-digit``, ``identity.birth-date`` or ``None``.
    """
    text = normalise(number)
    try:
        kind = IdType(id_type)
    except ValueError:
        return UNKNOWN_TYPE
    match kind:
        case IdType.RESIDENT_ID:
            return MALFORMED if text.startswith(_HMT_PREFIXES) else _eighteen(text, shape=_RESIDENT, birth=6, on=on)
        case IdType.HMT_RESIDENCE_PERMIT:
            return _eighteen(text, shape=_RESIDENT, birth=6, on=on) if text.startswith(_HMT_PREFIXES) else MALFORMED
        case IdType.FOREIGN_PERMANENT_RESIDENT:
            if len(text) == 15:  # noqa: PLR2004 - the card before 2023
                return _fifteen(text)
            return _eighteen(text, shape=_PERMANENT_18, birth=6, on=on)
        case IdType.MAINLAND_PERMIT_HM:
            return None if _PERMIT_HM.fullmatch(text) else MALFORMED
        case IdType.MAINLAND_PERMIT_TW:
            return None if _PERMIT_TW.fullmatch(text) else MALFORMED
        case IdType.PASSPORT:
            return None if _PASSPORT.fullmatch(text) else MALFORMED
        case IdType.USCC:
            if not _USCC.fullmatch(text):
                return MALFORMED
            return None if uscc.is_valid(text) else CHECK_DIGIT


def check_character(digits: str) -> str:
    """The last character of a resident id for its first 17 digits (ISO 7064 MOD 11-2)."""
    return _CHECKS[sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=True)) % 11]


def is_phone(number: str) -> bool:
    """Whether it is a mobile of the mainland, a landline, or a number of Hong Kong, Macao or Taiwan."""
    text = normalise(number)
    return bool(_MOBILE.fullmatch(text) or _OTHER_PHONE.fullmatch(text))


def _eighteen(text: str, *, shape: re.Pattern[str], birth: int, on: date) -> str | None:
    if not shape.fullmatch(text):
        return MALFORMED
    if check_character(text[:17]) != text[17]:
        return CHECK_DIGIT
    try:
        born = date(int(text[birth : birth + 4]), int(text[birth + 4 : birth + 6]), int(text[birth + 6 : birth + 8]))
    except ValueError:
        return BIRTH_DATE
    return BIRTH_DATE if born > on or born.year < 1880 else None  # noqa: PLR2004 - older than anybody alive


def _fifteen(text: str) -> str | None:
    if not _PERMANENT_15.fullmatch(text):
        return MALFORMED
    values = (int(character, 36) for character in text[:14])
    total = sum(weight * value for weight, value in zip(cycle((7, 3, 1)), values, strict=False))
    return None if total % 10 == int(text[14]) else CHECK_DIGIT


def _is(kind: IdType) -> Callable[[str, date], bool]:
    return lambda text, on: check_identity(kind, number=text, on=on) is None


FORMATS: dict[str, Callable[[str, date], bool]] = {
    **{kind.value: _is(kind) for kind in IdType},
    "phone": lambda text, _: is_phone(text),
}
"""Formats that a condition may name in ``matches``."""
