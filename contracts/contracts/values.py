"""Codes, ids and the few closed lists that every service spells the same way.

Ids are text so that they travel unchanged through JSON, headers and SQL. Whether a code exists on a given day is asked
of the catalogue, never of its digits.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import TYPE_CHECKING, NewType, TypeAlias

if TYPE_CHECKING:
    Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
    JsonObject: TypeAlias = dict[str, Json]
else:
    # Recursive aliases cannot be evaluated at run time, and the codec takes any JSON value here.
    Json = object
    JsonObject = dict[str, object]

RegionCode = NewType("RegionCode", str)
"""Region 行政区划, GB/T 2260, six digits, e.g. ``430181`` 浏阳市; ``100000`` is the nation."""

OrganCode = NewType("OrganCode", str)
"""Organ 机构 by its unified social credit code (GB 32100), 18 characters."""

WindowId = NewType("WindowId", str)
"""Window 受理点 inside an organ, e.g. ``360926-01``."""

CaseId = NewType("CaseId", str)
"""Case 办件: UUIDv7 text, may be made by the client, fixed from the draft on."""

CaseNo = NewType("CaseNo", str)
"""Number of a received case 办件编号: region (6), date (8), sequence (6), check digit (1)."""

ItemCode = NewType("ItemCode", str)
"""Base code of an item 基本编码, 12 characters, the same in every region."""

ItemId = NewType("ItemId", str)
"""Umbrella id of one organ's service item; survives versions."""

ItemVersionId = NewType("ItemVersionId", str)
"""One published version of a service item 实施清单."""

AgreementId = NewType("AgreementId", str)
"""Agreement 通办协议 between regions."""

DelegationId = NewType("DelegationId", str)
"""Delegation 行政委托: one instrument between two organs."""

TransferId = NewType("TransferId", str)
"""One hop of one case to one organ 转办."""

NoticeId = NewType("NoticeId", str)
"""Notice 文书: number in the register of the organ that wrote it."""

CredentialId = NewType("CredentialId", str)
"""Credential 电子证照: UUIDv7 text."""

Digest = NewType("Digest", str)
"""``sha256:`` and 64 lower-case hex digits."""

PersonRef = NewType("PersonRef", str)
"""An officer, agent or machine account as ``issuer|account``; never an applicant."""

NATION = RegionCode("100000")
"""The nation as root of the region tree; national calendar rows stand under it."""


class Mode(StrEnum):
    """How an item may be handled between places.

    Law: 国办发〔2020〕35号.
    """

    FULLY_ONLINE = "fully_online"
    """全程网办"""
    COLLECT_HERE = "collect_here"
    """异地代收代办: received at one place, decided at another; authority does not move."""
    JOINT = "joint"
    """多地联办"""
    LOCAL = "local"
    """Received and decided by the same region; needs no agreement."""


class Way(StrEnum):
    """How one city receives an item without any agreement 全市通办; the item declares each (S-04, S-05).

    Seen from the organ that holds the power; a county's item goes by the same ways as a town's.
    """

    MOVED_DOWN = "moved_down"
    """市级事项窗口前移: received at a window below."""
    CITY_AND_TOWN = "city_and_town"
    """镇街事项市镇通收: received at a hall above, up to the city's."""
    ACROSS_TOWNS = "across_towns"
    """镇街事项跨镇通办: received at any other place of the city that does not stand higher."""


class Direction(StrEnum):
    """Where a case goes, seen from the window that received it (S-06)."""

    HOME = "home"
    UP = "up"
    DOWN = "down"
    SIDEWAYS = "sideways"


class Outcome(StrEnum):
    """What the competent organ decided."""

    GRANTED = "granted"
    PARTLY = "partly"
    DENIED = "denied"


class Ending(StrEnum):
    """How a case ended, as routing reports it."""

    GRANTED = "granted"
    PARTLY = "partly"
    DENIED = "denied"
    NOT_ACCEPTED = "not_accepted"
    WITHDRAWN = "withdrawn"
    RETURNED = "returned"
    """Given back to the applicant before any handling was opened, with its reason."""
    TERMINATED = "terminated"


class Channel(StrEnum):
    """Where an application came in."""

    WINDOW = "window"
    WEB = "web"
    PARTNER = "partner"


_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_json(value: Json) -> bytes:
    """Bytes that are equal whenever the value is: keys sorted, no spaces, UTF-8, no escapes beyond JSON's own.

    Raises:
        ValueError: The value holds NaN or an infinity.
    """
    return _CANONICAL.encode(value).encode()


def digest(content: bytes | Json) -> Digest:
    """Name content by its SHA-256; a JSON value by its canonical bytes."""
    data = content if isinstance(content, bytes) else canonical_json(content)
    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


def person_ref(*, issuer: str, account: str) -> PersonRef:
    """Name an officer or account so that two identity providers never collide."""
    return PersonRef(f"{issuer}|{account}")
