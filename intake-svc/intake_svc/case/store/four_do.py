"""What the cases of some versions tell of 四办, counted in the database: definitions are in ``docs/four-do.md``."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    DateTime,
    Select,
    Text,
    and_,
    any_,
    case,
    cast,
    column,
    distinct,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH
from sqlalchemy.sql.selectable import LateralFromClause

from chassis.database import Tx
from contracts.values import Channel, ItemVersionId, RegionCode
from intake_svc.case.domain import CaseState
from intake_svc.case.store import CASES
from intake_svc.context import Intake
from intake_svc.four_do.domain import Tally
from intake_svc.progress.domain import Stage

MOST = 2000
"""Cases of one version that are counted, the latest received first: whatever is asked, a page reads no more of each."""


def four_do_query(
    versions: Collection[ItemVersionId], *, handled_in: Collection[RegionCode], since: datetime, until: datetime
) -> Select[Any]:
    """Counts by version, handling region and receiving region, in that order, over the cases received under these versions then.

    Args:
        versions: Each is asked of the index on its own.
        handled_in: Only cases handled in these regions.
        since: Inclusive.
        until: Exclusive.
    """
    asked = func.unnest(literal(sorted(versions), ARRAY(Text))).table_valued("version_id").render_derived(name="asked")
    one = (
        select(CASES.c.handling_region, CASES.c.receiving_region, CASES.c.received_at, CASES.c.state, CASES.c.stage, CASES.c.body)
        .where(
            CASES.c.version_id == asked.c.version_id,
            CASES.c.received_at >= since,
            CASES.c.received_at < until,
            CASES.c.handling_region == any_(literal(sorted(handled_in), ARRAY(Text))),
        )
        # With its limit it stays a question of its own for each version, and with its order one for the index.
        .order_by(CASES.c.received_at.desc())
        .limit(MOST)
        .lateral("one")
    )
    # Taken apart once: the body is compressed, and each mention of it would unpack it again.
    kept = (
        func.jsonb_to_record(one.c.body)
        .table_valued(column("receipt", JSONB), column("supplements", JSONB), column("progress", JSONB))
        .render_derived(name="kept", with_types=True)
    )
    channel = kept.c.receipt["channel"].astext
    decided_at = cast(kept.c.progress["decided_at"].astext, DateTime(timezone=True))
    decided = and_(one.c.state == CaseState.CLOSED.value, one.c.stage == Stage.DELIVERED.value)
    recorded = and_(decided, decided_at.is_not(None))
    told = and_(recorded, channel != Channel.PARTNER.value)
    came = _visits(channel, receipt=kept.c.receipt, supplements=kept.c.supplements, progress=kept.c.progress)
    counts: dict[str, ColumnElement[bool]] = {
        "open": one.c.state == CaseState.RECEIVED.value,
        "decided": decided,
        "window": and_(decided, channel == Channel.WINDOW.value),
        "partner": and_(decided, channel == Channel.PARTNER.value),
        "recorded": recorded,
        "told": told,
        "at_once": and_(recorded, _day(decided_at) == _day(one.c.received_at)),
        "online": and_(told, channel == Channel.WEB.value, came.c.visits == 0),
        "one_visit": and_(told, came.c.visits <= 1),
    }
    by = (asked.c.version_id, one.c.handling_region, one.c.receiving_region)
    return (
        select(*by, func.count().label("received"), *(func.count().filter(when).label(name) for name, when in counts.items()))
        .select_from(asked)
        .join(one, true())
        .join(kept, true())
        .join(came, true())
        .group_by(*by)
        .order_by(*by)
    )


async def count_four_do(
    tx: Tx[Intake], versions: Collection[ItemVersionId], *, handled_in: Collection[RegionCode], since: datetime, until: datetime
) -> list[Tally]:
    """What the cases received under these versions then, and handled in these regions, tell; at most `MOST` of each version."""
    rows = await tx.execute(four_do_query(versions, handled_in=handled_in, since=since, until=until))
    return [Tally(**row._mapping) for row in rows]  # noqa: SLF001


def _visits(
    channel: ColumnElement[str], *, receipt: ColumnElement[Any], supplements: ColumnElement[Any], progress: ColumnElement[Any]
) -> LateralFromClause:
    """Days on which somebody came to a window for the case: to hand in, to supplement, to collect."""
    nothing = literal_column("'[]'::jsonb", JSONB)
    handed_in = case((channel == Channel.WINDOW.value, func.jsonb_build_array(receipt["received_at"])), else_=nothing)
    given = func.jsonb_path_query_array(supplements, cast("$[*] ? (@.by != null).at", JSONPATH))
    came = handed_in.concat(given).concat(func.coalesce(progress["collected"], nothing))
    each = func.jsonb_array_elements_text(came).table_valued("at").render_derived(name="came")
    days = func.count(distinct(_day(cast(each.c.at, DateTime(timezone=True)))))
    return select(days.label("visits")).select_from(each).lateral("days")


def _day(at: ColumnElement[datetime]) -> ColumnElement[object]:
    return cast(func.timezone("Asia/Shanghai", at), Date)
