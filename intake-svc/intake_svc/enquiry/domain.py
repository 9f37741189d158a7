"""How often a case may be asked for with a wrong end of the identity number."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta

MOST_WRONG = 10
"""Wrong tries for one number within `WITHIN`; ours: the end of a resident id has some 340,000 values, and numbers follow each other."""

WITHIN = timedelta(hours=1)

MOST_NUMBERS = 10_000
"""Numbers remembered by one process; beyond it the one tried longest ago is forgotten."""

WrongTries = OrderedDict[str, tuple[datetime, ...]]
"""By case number, whether or not there is such a case; the number tried last stands last."""


def is_shut(tries: Mapping[str, tuple[datetime, ...]], case_no: str, *, at: datetime) -> bool:
    """True when nobody is answered about a number for now, also with the right end."""
    return len(_recent(tries, case_no, at=at)) >= MOST_WRONG


def count_wrong(tries: WrongTries, case_no: str, *, at: datetime) -> None:
    """Remember a wrong try; those while the number is shut do not keep it shut."""
    recent = _recent(tries, case_no, at=at)
    tries[case_no] = recent if len(recent) >= MOST_WRONG else (*recent, at)
    tries.move_to_end(case_no)
    while len(tries) > MOST_NUMBERS:
        tries.popitem(last=False)


def _recent(tries: Mapping[str, tuple[datetime, ...]], case_no: str, *, at: datetime) -> tuple[datetime, ...]:
    return tuple(tried for tried in tries.get(case_no, ()) if at - tried < WITHIN)
