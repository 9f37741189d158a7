"""The index of agreements: by region, an alliance as one set.

A question comes with two chains, each of a region and those above it; an agreement binds what lies below its regions too.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, timedelta

from contracts.catalogue import Agreement, AgreementAction, OpenCases
from contracts.values import AgreementId, ItemCode, Mode, RegionCode

_FOR_A_ROUTE = frozenset({AgreementAction.RECEIVE, AgreementAction.DECIDE})


class Agreements:
    """Every agreement that is published, in force or not."""

    def __init__(self) -> None:
        self._all: dict[AgreementId, Agreement] = {}
        self._members: dict[AgreementId, frozenset[RegionCode]] = {}
        self._received_under: dict[RegionCode, set[AgreementId]] = {}
        self._handled_under: dict[RegionCode, set[AgreementId]] = {}

    def put(self, agreement: Agreement) -> None:
        """Take one in; an alliance of n members is n entries on each side, never n × n."""
        self.forget(agreement.agreement_id)
        self._all[agreement.agreement_id] = agreement
        if agreement.alliance:
            self._members[agreement.agreement_id] = frozenset(agreement.alliance)
        for index, codes in self._sides(agreement):
            for code in codes:
                index.setdefault(RegionCode(sys.intern(code)), set()).add(agreement.agreement_id)

    def forget(self, agreement_id: AgreementId) -> None:
        """Take one out, if it is there."""
        former = self._all.pop(agreement_id, None)
        if former is None:
            return
        self._members.pop(agreement_id, None)
        for index, codes in self._sides(former):
            for code in codes:
                index[code].discard(agreement_id)

    def _sides(self, one: Agreement) -> tuple[tuple[dict[RegionCode, set[AgreementId]], tuple[RegionCode, ...]], ...]:
        return (self._received_under, (*one.receiving, *one.alliance)), (self._handled_under, (*one.handling, *one.alliance))

    def get(self, agreement_id: AgreementId) -> Agreement | None:
        """The agreement under an id, in force or not."""
        return self._all.get(agreement_id)

    def between(self, receiving: Sequence[RegionCode], handling: Sequence[RegionCode]) -> tuple[Agreement, ...]:
        """Those that let one chain of regions receive for another, oldest first.

        In an alliance the two are different members.
        """
        received = _named(self._received_under, receiving)
        handled = _named(self._handled_under, handling) if received else received
        # Sets are met two by two and never united: a region is in dozens of agreements, of which the two places share hardly one.
        ids = {one for left in received for right in handled for one in left & right}
        if not ids:
            return ()
        found = [self._all[one] for one in ids if self._binds(one, receiving, handling)]
        found.sort(key=lambda one: (one.valid_from, one.agreement_id))
        return tuple(found)

    def deciding_for(self, receiving: Sequence[RegionCode]) -> frozenset[RegionCode]:
        """Regions that decide by some agreement, in force or not, for what one chain of regions receives."""
        found: set[RegionCode] = set()
        for one in _under(self._received_under, receiving):
            found.update(self._all[one].handling, self._all[one].alliance)
        return frozenset(found)

    def _binds(self, agreement_id: AgreementId, receiving: Sequence[RegionCode], handling: Sequence[RegionCode]) -> bool:
        one, members = self._all[agreement_id], self._members.get(agreement_id)
        if members is not None:
            receivers, handlers = members.intersection(receiving), members.intersection(handling)
            if receivers and handlers and len(receivers | handlers) > 1:
                return True
        return not members or (any(code in one.receiving for code in receiving) and any(code in one.handling for code in handling))

    def handled(self, handling: Sequence[RegionCode]) -> tuple[Agreement, ...]:
        """Those under which somebody may receive for a chain of regions, by id."""
        return tuple(self._all[one] for one in sorted(_under(self._handled_under, handling)))

    def ending(self, *, on: date, within: int) -> tuple[Agreement, ...]:
        """Those in force on a day that end within so many days after it, the soonest first: somebody must be told."""
        last = on + timedelta(days=within)
        found = [one for one in self._all.values() if one.valid_from <= on < one.valid_to <= last]
        return tuple(sorted(found, key=lambda one: (one.valid_to, one.agreement_id)))

    def returning(self, *, on: date) -> tuple[AgreementId, ...]:
        """Those over by a day whose open cases go back, by id."""
        over = (one for one in self._all.values() if one.open_cases is OpenCases.RETURN and one.valid_to <= on)
        return tuple(sorted(one.agreement_id for one in over))


def _named(index: dict[RegionCode, set[AgreementId]], chain: Sequence[RegionCode]) -> list[set[AgreementId]]:
    return [ids for code in chain if (ids := index.get(code))]


def _under(index: dict[RegionCode, set[AgreementId]], chain: Sequence[RegionCode]) -> set[AgreementId]:
    found: set[AgreementId] = set()
    for ids in _named(index, chain):
        found |= ids
    return found


def lets_route(agreement: Agreement) -> bool:
    """Whether its actions are enough for a route: one side receives, the other decides."""
    return _FOR_A_ROUTE.issubset(agreement.actions)


def covers(agreement: Agreement, *, item: ItemCode, mode: Mode) -> bool:
    """Whether a route for an item in a mode may rest on it, on whatever day."""
    return mode in agreement.modes and (not agreement.items or item in agreement.items) and lets_route(agreement)
