"""What a row says beside the body of its item, held to the same bounds however it is written: codes, a day, fields without a column."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date

from catalog_svc.bulk.domain.columns import FORMER, OTHERS, PLANNED, TASK
from catalog_svc.bulk.domain.exact import CellWrong
from contracts.values import Json

MOST_CODES = 100
"""Former codes of one item."""
LONGEST_CODE = 80
"""Characters of one."""

_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2100, 1, 1)
"""Days beyond these are typing errors, as at every other door of the catalogue."""
_TASK = re.compile(r"[0-9A-Z]{31}")


def _task(value: Json) -> None:
    if not (isinstance(value, str) and _TASK.fullmatch(value)):
        raise CellWrong("bulk.code", "应为 31 位数字或者大写字母", "31 digits or capital letters are needed")


def _former(value: Json) -> None:
    codes = value if isinstance(value, list) else [None]
    if len(codes) > MOST_CODES or not all(isinstance(one, str) and one.strip() and len(one) <= LONGEST_CODE for one in codes):
        raise CellWrong(
            "bulk.former-code",
            f"应为至多 {MOST_CODES} 个编码，每个 1 至 {LONGEST_CODE} 个字",
            f"At most {MOST_CODES} codes of 1 to {LONGEST_CODE} characters are needed",
        )


def _planned(value: Json) -> None:
    try:
        if isinstance(value, str) and _FIRST_DAY <= date.fromisoformat(value) <= _LAST_DAY:
            return
    except ValueError:
        pass
    raise CellWrong(
        "bulk.date", "应为 2000 年至 2099 年间的日期，例如 2026-12-01", "A day of the years 2000 to 2099 is needed, such as 2026-12-01"
    )


def _others(value: Json) -> None:
    if not isinstance(value, dict):
        raise CellWrong("bulk.json", "不是有效的 JSON 对象", "Not a JSON object")
    if "item_id" in value:
        # An item that moves takes its cases along: that is asked for by name, one at a time.
        raise CellWrong(
            "bulk.item-moves", "划转事项须逐项办理，不能批量导入", "An item moves to another organ one by one, not by an import"
        )


_BOUNDS: Mapping[str, Callable[[Json], None]] = {TASK.code: _task, FORMER.code: _former, PLANNED.code: _planned, OTHERS.code: _others}


def require_within_bounds(code: str, value: Json) -> None:
    """Hold what a column beside the body says to its bounds.

    Args:
        code: The column's.
        value: As its cell was read, by its shape or exactly.

    Raises:
        CellWrong: It says something else.
    """
    bounds = _BOUNDS.get(code)
    if bounds is not None and value is not None:
        bounds(value)
