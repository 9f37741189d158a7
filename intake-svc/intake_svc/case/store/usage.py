"""Under which versions cases were received within a time: asked of the index, however many cases there are."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ARRAY, Select, Text, func, literal, select

from chassis.database import Tx
from contracts.values import ItemVersionId
from intake_svc.case.store import CASES
from intake_svc.context import Intake


def used_query(versions: Collection[ItemVersionId], *, since: datetime, until: datetime) -> Select[tuple[str]]:
    """Those of these versions under which a case was received then: for each the index is asked for one, however many there are."""
    version = func.unnest(literal(sorted(versions), ARRAY(Text))).column_valued("asked")
    one = select(literal(value=True)).where(CASES.c.version_id == version, CASES.c.received_at >= since, CASES.c.received_at < until)
    # With its limit it stays a question of its own for each version, and with its order one for the index: where most cases are of one
    # version the planner would else go through all of them for the others.
    return select(version).where(one.order_by(CASES.c.received_at).limit(1).scalar_subquery())


async def used_versions(
    tx: Tx[Intake], versions: Collection[ItemVersionId], *, since: datetime, until: datetime
) -> frozenset[ItemVersionId]:
    """Those of these versions under which a case was received from one instant on and before another."""
    rows = await tx.execute(used_query(versions, since=since, until=until))
    return frozenset(ItemVersionId(row.asked) for row in rows)
