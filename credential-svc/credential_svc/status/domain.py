"""Status lists: two bits per credential, published for anyone.

A list names nobody: a credential knows its place in it, drawn at random, and the list says only what stands at each place.

Source: IETF Token Status List (2-bit statuses; the bit string is compressed with zlib).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from contracts.refusals import NotFound

BITS = 2
CAPACITY = 1 << 17
"""Places of one list: 32 KB before compression."""
DRAWS = 8
"""After as many taken places in a row a list counts as full: at half full that happens once in 256 draws."""


class Status(IntEnum):
    """What stands at a place; the values are the source's."""

    VALID = 0
    INVALID = 1
    """Revoked or superseded, for ever."""
    SUSPENDED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a credential's status stands."""

    list_id: int
    """From 1."""
    index: int
    """0 to `CAPACITY` - 1."""


class StatusListNotFound(NotFound):
    """No list of that number was begun."""

    RULE = "status-list.not-found"
    ZH = "未找到该状态列表"
    EN = "There is no such status list"


def pack(statuses: Mapping[int, Status]) -> bytes:
    """The list as the source packs it: four places a byte, the first in the lowest bits; compressed.

    Args:
        statuses: By index, what is not valid.
    """
    packed = bytearray(CAPACITY * BITS // 8)
    for index, status in statuses.items():
        packed[index // 4] |= status << (index % 4 * BITS)
    return zlib.compress(bytes(packed), 9)
