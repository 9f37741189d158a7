"""The number of a case 办件编号: region (6), day of receipt (8), sequence (6), check character (1).

The check character is that of GB 11643 and ISO 7064 MOD 11-2 over the 20 digits before it: ``0``–``9`` or ``X``. It finds
every single wrong digit and every swap of neighbours, as when a number is read out over the telephone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from contracts.refusals import Invalid
from contracts.values import CaseNo, RegionCode

LAST_SEQUENCE = 999_999
_SHAPE = re.compile(r"[1-9][0-9]{19}[0-9X]", re.ASCII)


class CaseNumberMalformed(Invalid):
    """What was given is no case number; a check character that does not fit means a slip of the hand."""

    RULE: ClassVar[str] = "case-number.malformed"
    ZH: ClassVar[str] = "办件编号不正确,请核对"
    EN: ClassVar[str] = "This is no case number; please check it"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseNumber:
    """A case number in its parts."""

    region: RegionCode
    """Region of receipt."""
    day: date
    """Day of receipt, Asia/Shanghai."""
    sequence: int
    """1 to `LAST_SEQUENCE`, unique in region and day; gaps mean nothing."""


def number(*, region: RegionCode, day: date, sequence: int) -> CaseNo:
    """Write a case number.

    Raises:
        ValueError: The sequence or the region is out of bounds.
    """
    if not 1 <= sequence <= LAST_SEQUENCE:
        raise ValueError(f"a sequence is from 1 to {LAST_SEQUENCE}")
    body = f"{region}{day:%Y%m%d}{sequence:06d}"
    if not _SHAPE.fullmatch(body + "0"):
        raise ValueError("a region code has six digits")
    return CaseNo(body + _check(body))


def parse(text: str) -> CaseNumber:
    """Read a case number; a lower-case ``x`` is forgiven.

    Raises:
        CaseNumberMalformed: Wrong shape, no such day, or the check character does not fit.
    """
    read = text.upper() if text.isascii() else text
    if not _SHAPE.fullmatch(read) or _check(read[:20]) != read[20] or read[14:20] == "000000":
        raise CaseNumberMalformed
    try:
        day = date(int(read[6:10]), int(read[10:12]), int(read[12:14]))
    except ValueError as error:
        raise CaseNumberMalformed from error
    return CaseNumber(region=RegionCode(read[:6]), day=day, sequence=int(read[14:20]))


def _check(body: str) -> str:
    remainder = 0
    for digit in body:
        remainder = (remainder + int(digit)) * 2 % 11
    return "0123456789X"[(12 - remainder) % 11]
