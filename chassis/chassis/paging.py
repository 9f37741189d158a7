"""Lists in pages by keyset: a cursor says after which row the next page begins, so rows that come and go in between shift nothing.

A cursor is signed and bound to the list and its filter: it cannot be made up, changed or used for another list. It says where, never who:
the access rule is asked anew for every page.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import Query
from sqlalchemy import ColumnElement, tuple_

from chassis.vault import Vault
from contracts.refusals import Invalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_MAC_BYTES = 16

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="每页条数 / rows per page")]
Cursor = Annotated[str, Query(max_length=1000, description="上一页给出的 next / the next of the page before")]

Position = tuple[str | int | bool | None, ...]
"""The values of the order columns in the last row of a page; the last of them is unique. Instants as ISO text."""


class CursorInvalid(Invalid):
    """The cursor was not given out for this list and this filter."""

    RULE = "paging.cursor"
    ZH = "分页游标无效,请从第一页重新查询"
    EN = "The cursor is not valid; begin again with the first page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Gives out and reads the cursors of one list under one filter."""

    vault: Vault
    scope: tuple[str, ...]
    """Name of the list and its filter values."""

    def cursor(self, position: Position) -> str:
        """The cursor after a row."""
        raw = orjson.dumps(position)
        return base64.urlsafe_b64encode(self._mac(raw) + raw).rstrip(b"=").decode()

    def position(self, cursor: str) -> Position | None:
        """The row that a cursor stands after; None for an empty cursor, the first page.

        Raises:
            CursorInvalid: It was not given out for this list and filter.
        """
        if not cursor:
            return None
        try:
            given = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError) as error:
            raise CursorInvalid from error
        mac, raw = given[:_MAC_BYTES], given[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(raw)):
            raise CursorInvalid
        return tuple(orjson.loads(raw))

    def _mac(self, raw: bytes) -> bytes:
        return self.vault.fingerprint(b"cursor", *(part.encode() for part in self.scope), raw)[:_MAC_BYTES]


def after(columns: tuple[ColumnElement[Any], ...], position: tuple[object, ...], *, descending: bool = False) -> ColumnElement[bool]:
    """The rows after a position, in the order of the columns; all in the same direction, as an index reads them."""
    here = tuple_(*columns)
    there = tuple_(*position)
    return here < there if descending else here > there
