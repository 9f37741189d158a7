"""What is counted over cases, without opening one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from chassis.database import Tx
from contracts.caller import Caller
from contracts.refusals import Forbidden
from contracts.values import ItemId, ItemVersionId, RegionCode
from intake_svc.case import store
from intake_svc.case.handlers import rights
from intake_svc.case.store import four_do, usage
from intake_svc.context import Intake
from intake_svc.four_do.domain import Tally
from rules.access import Never

Counted = tuple[ItemVersionId, RegionCode, int]
"""A version, a handling region, and how many open cases stand on the one in the other; never none."""

MOST_OF_A_VERSION = four_do.MOST
"""Cases of one version, the latest, that are counted for 四办."""


async def used_versions(
    tx: Tx[Intake], versions: Collection[ItemVersionId], *, since: datetime, until: datetime
) -> frozenset[ItemVersionId]:
    """Those of these versions under which a case was received from one instant on and before another."""
    return await usage.used_versions(tx, versions, since=since, until=until)


async def open_on_versions(
    tx: Tx[Intake],
    items: Collection[ItemId],
    *,
    versions: Collection[ItemVersionId],
    by: Caller,
    position: tuple[str, str] | None,
    limit: int,
) -> list[Counted]:
    """How many open cases that the caller may count stand on each version of these items, by version and region.

    Args:
        tx: Open transaction.
        items: Umbrella ids; every version under one counts.
        versions: Only these of them; all when empty.
        by: Sees the counts of the handling regions of the own subtree.
        position: The version and region of the last one shown.
        limit: At most this many.

    Raises:
        Forbidden: The caller may count no case anywhere.
    """
    among = rights(tx, caller=by, action="count")
    if isinstance(among, Never):
        raise Forbidden(facts={"aggregate": "case", "action": "count", "about": "items"})
    return await store.count_open(tx, among, items=items, versions=versions, position=position, limit=limit)


async def count_four_do(
    tx: Tx[Intake], versions: Collection[ItemVersionId], *, handled_in: Collection[RegionCode], since: datetime, until: datetime
) -> list[Tally]:
    """What the cases received under these versions then, and handled in these regions, tell of 四办.

    At most `MOST_OF_A_VERSION` of each; the caller has seen who asks.
    """
    return await four_do.count_four_do(tx, versions, handled_in=handled_in, since=since, until=until)
