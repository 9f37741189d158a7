"""Organs 机构 by code and region, and which organ one became that was merged into it.

A merged organ is no more: from its instant on another stands in its place. Whoever works for one of them works for all of them, and what
was one's is the other's, also what ended long ago.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime

from contracts.catalogue import Organ
from contracts.values import OrganCode, RegionCode

_NONE: frozenset[OrganCode] = frozenset()


class Organs:
    """Every organ that was ever published."""

    def __init__(self) -> None:
        self._organs: dict[OrganCode, Organ] = {}
        self._of: dict[RegionCode, set[OrganCode]] = {}
        self._merged: dict[OrganCode, Organ] = {}
        """Those that were merged into another."""
        self._taken_by: dict[OrganCode, set[OrganCode]] = {}
        """The other way round, so that a route costs no more for what was merged elsewhere."""
        self._same: dict[OrganCode, frozenset[OrganCode]] = {}

    def put(self, organ: Organ) -> None:
        """Know an organ, or know it again."""
        self.forget(organ.code)
        code = OrganCode(sys.intern(organ.code))
        self._organs[code] = organ
        self._of.setdefault(organ.region, set()).add(code)
        if organ.merged_into is not None:
            self._merged[code] = organ
            self._taken_by.setdefault(OrganCode(sys.intern(organ.merged_into)), set()).add(code)

    def forget(self, code: OrganCode) -> None:
        """Know it no more."""
        self._same.clear()
        self._merged.pop(code, None)
        former = self._organs.pop(code, None)
        if former is not None:
            self._of[former.region].discard(code)
            if former.merged_into is not None:
                self._taken_by[former.merged_into].discard(code)

    def get(self, code: OrganCode) -> Organ | None:
        """The organ under a code."""
        return self._organs.get(code)

    def of(self, region: RegionCode) -> tuple[Organ, ...]:
        """The organs of exactly this region, by code."""
        return tuple(self._organs[code] for code in sorted(self._of.get(region, ())))

    def acting(self, code: OrganCode, *, at: datetime) -> OrganCode:
        """The organ that stands in the place of one at an instant; itself while it was not merged."""
        if code not in self._merged:
            return code
        passed = {code}
        while (organ := self._merged.get(code)) is not None and organ.merged_into is not None:
            if organ.merged_at is None or at < organ.merged_at or organ.merged_into in passed:
                break
            code = organ.merged_into
            passed.add(code)
        return code

    def standing_for(self, code: OrganCode, *, at: datetime) -> tuple[OrganCode, ...]:
        """The codes that stand for an acting organ at an instant: its own and those merged into it by then, by code."""
        if not self._taken_by.get(code):
            return (code,)
        reached, open_ = {code}, [code]
        while open_:
            near = self._taken_by.get(open_.pop(), _NONE) - reached
            open_.extend(near)
            reached |= near
        return tuple(sorted(one for one in reached if one == code or self.acting(one, at=at) == code))

    def same(self, code: OrganCode) -> frozenset[OrganCode]:
        """The code, those of the organs it was merged with, and the one they became, from the publication of the merger on."""
        known = self._same.get(code)
        if known is not None:
            return known
        if code not in self._organs:
            return frozenset({code})  # unknown codes come from outside, without bound
        reached, open_ = {code}, [code]
        while open_:
            one = open_.pop()
            into = self._merged.get(one)
            near = self._taken_by.get(one, _NONE) | (_NONE if into is None or into.merged_into is None else {into.merged_into})
            open_.extend(near - reached)
            reached |= near
        found = self._same[code] = frozenset(reached)
        return found

    def merged(self, *, at: datetime) -> Mapping[OrganCode, OrganCode]:
        """Every organ that was merged by an instant, with the one that stands in its place."""
        return {code: taker for code in self._merged if (taker := self.acting(code, at=at)) != code}
