"""Which path is whose: the one table that the gateway passes requests by.

``{no}`` stands for the number or id of a case, ``{}`` for any one segment, ``**`` for the rest of a path, also an empty one. The first row
that fits holds.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import unquote_to_bytes

from chassis.problems import RouteUnknown

ROOT = "/v1/"

READ = frozenset({"GET", "HEAD"})
ASK = frozenset({"POST"})
NOBODY: frozenset[str] = frozenset()

SERVICES = ("catalog", "intake", "routing", "credential")
"""Where a request can go."""

LONGEST_PATH = 2000
"""Bytes of a path as it was sent."""

_PLAIN = re.compile(rb"[A-Za-z0-9_:-][A-Za-z0-9_:.-]*")
"""A segment as nearly all are: nothing to decode, and no way out."""

_CASE = "{no}"
_REST = "**"


@dataclass(frozen=True)
class Row:
    """One kind of path."""

    path: str
    service: str
    public: frozenset[str] = NOBODY
    """Methods that need no sign-in."""
    view: str = ""
    """Name of what is put together here for this path, when its request asks for it."""
    rewritten: str = ""
    """How the path begins at the service, instead of what stands before ``**``."""
    views: frozenset[str] = field(default=frozenset({"GET"}))
    """Methods that ``view`` stands for."""

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """What the path consists of."""
        return tuple(self.path.removeprefix("/").split("/"))

    @cached_property
    def case_at(self) -> int | None:
        """Which segment names a case."""
        return self.segments.index(_CASE) if _CASE in self.segments else None

    def fits(self, segments: tuple[str, ...]) -> bool:
        """Whether a path is of this kind."""
        wanted = self.segments
        if wanted[-1] == _REST:
            wanted = wanted[:-1]
            if len(segments) < len(wanted):
                return False
        elif len(segments) != len(wanted):
            return False
        return all(mine == theirs or (mine.startswith("{") and theirs != "") for mine, theirs in zip(wanted, segments, strict=False))


def _catalogue(name: str) -> Row:
    return Row(f"/v1/{name}/**", "catalog", public=READ)


def _parked(service: str) -> Row:
    return Row(f"/v1/{service}/parked/**", service, rewritten="/v1/parked")


TABLE: tuple[Row, ...] = (
    # For officers, under names that everybody may read.
    *(
        Row(f"/v1/{name}/draft", "catalog")
        for name in (
            "regions/{}",
            "organs/{}",
            "base-items/{}",
            "base-forms/{}",
            "standards/{}",
            "powers/{}",
            "certificates/{}",
            "negative-lists/{}",
            "agreements/{}",
            "delegations/{}",
            "calendars/{}/{}",
        )
    ),
    Row("/v1/base-items/{}/impact", "catalog", view="impact"),
    Row("/v1/certificates/{}/impact", "catalog", view="impact"),
    Row("/v1/service-items/versions/{}/impact", "catalog", view="impact"),
    Row("/v1/service-items/imports/**", "catalog"),
    Row("/v1/service-items/exports/**", "catalog"),
    Row("/v1/search/misses", "catalog"),
    # Answers are sent to be answered; nothing is kept.
    Row("/v1/service-items/{}/guide", "catalog", public=READ | ASK),
    *map(
        _catalogue,
        (
            "regions",
            "organs",
            "base-items",
            "base-forms",
            "service-items",
            "service-guides",
            "routes",
            "search",
            "agreements",
            "delegations",
            "calendars",
            "certificates",
            "negative-lists",
            "negative-list-entries",
            "standards",
            "powers",
        ),
    ),
    Row("/v1/cases", "intake"),
    Row("/v1/cases:check", "intake"),
    Row("/v1/cases:find", "intake"),
    Row("/v1/cases/{no}", "intake", view="case"),
    Row("/v1/cases/{no}/person", "intake"),
    Row("/v1/cases/{no}/supplements", "intake"),
    Row("/v1/cases/{no}/re-entry", "intake"),
    Row("/v1/materials/**", "intake"),
    Row("/v1/windows/unserved", "intake"),
    Row("/v1/windows/**", "intake", public=READ),
    Row("/v1/reports/**", "intake"),
    Row("/v1/progress", "intake", public=ASK),
    Row("/v1/cases/{no}/withdrawal", "routing"),
    Row("/v1/cases/{no}/timeline", "routing"),
    Row("/v1/cases/{no}/clocks", "routing"),
    Row("/v1/cases/{no}/notices", "routing"),
    Row("/v1/handlings", "routing", view="handlings"),
    Row("/v1/handlings/{no}/**", "routing"),
    Row("/v1/transfers/**", "routing"),
    Row("/v1/notices/**", "routing"),
    Row("/v1/deliveries/**", "routing"),
    Row("/v1/supervision/**", "routing"),
    Row("/v1/partners/**", "routing"),
    Row("/v1/token", "routing", public=ASK),
    Row("/v1/dev/now", "routing", public=READ, view="clock", views=ASK),
    Row("/v1/credentials/**", "credential"),
    Row("/v1/verifications", "credential", public=ASK),
    Row("/v1/status-lists/**", "credential", public=READ),
    Row("/v1/seals/**", "credential", public=READ),
    Row("/v1/.well-known/tongban-trust-list", "credential", public=READ),
    Row("/v1/.well-known/tongban-route-keys", "catalog", public=READ),
    *map(_parked, SERVICES),
)
"""Every path of the API, with the service that answers it and who may ask without signing in."""

_BY_NAME: Mapping[str, tuple[Row, ...]] = {
    name: tuple(row for row in TABLE if row.segments[1] == name) for name in {row.segments[1] for row in TABLE}
}


@dataclass(frozen=True, slots=True)
class Found:
    """A request's path, read."""

    row: Row
    target: str
    """Path at the service, encoded as it was sent."""
    case: str | None
    """The case that the path names."""


def find(raw_path: bytes) -> Found:
    """Whose path it is. Each segment is decoded once and must then be a plain name: no way leads out of a service's own paths.

    Args:
        raw_path: As sent, percent-encoded, without a query.

    Raises:
        RouteUnknown: Nobody's, or not written plainly.
    """
    if len(raw_path) > LONGEST_PATH or not raw_path.isascii():
        raise RouteUnknown
    segments = tuple(map(_decode, raw_path.removeprefix(b"/").split(b"/")))
    if len(segments) < 2:  # noqa: PLR2004 - /v1 and the name of a collection
        raise RouteUnknown
    for row in _BY_NAME.get(segments[1], ()):
        if row.fits(segments):
            path = raw_path.decode("ascii")
            if row.rewritten:
                kept = path.split("/")[len(row.segments) :]
                path = "/".join((row.rewritten, *kept))
            return Found(row, path, None if row.case_at is None else segments[row.case_at])
    raise RouteUnknown


def _decode(segment: bytes) -> str:
    if _PLAIN.fullmatch(segment):
        return segment.decode("ascii")
    try:
        plain = unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        raise RouteUnknown from None
    if plain in {"", ".", ".."} or any(character in "/\\" or ord(character) < 32 or ord(character) == 127 for character in plain):  # noqa: PLR2004
        raise RouteUnknown
    return plain
