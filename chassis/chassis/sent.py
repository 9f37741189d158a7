"""What the log acknowledged stays here for some days, so that a log that lost its topics can be filled again."""

from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import ARRAY, Interval, Text, bindparam, delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.context import Context
from chassis.database import Tx
from chassis.outbox import put_documents, put_tombstone
from chassis.tables import FOLLOWED, OUTBOX, SEEN, SENT
from contracts.documents import Document, read

AT_ONCE = 2_000
"""Rows let go in one transaction: some ten milliseconds."""


async def forget_old(context: Context) -> int:
    """Let go what was sent longer ago than the settings say; how many rows of one round."""
    async with context.database.consume(context) as tx:
        gone = await tx.execute(_FORGET, {"kept": timedelta(days=context.settings.sent_kept_days), "limit": AT_ONCE})
        return gone.rowcount


async def send_again(connection: AsyncConnection, *, since: datetime) -> int:
    """Put what was sent at or after an instant back into the outbox, in the caller's transaction; how many rows.

    They keep their ids and positions: the relay sends them before anything newer, and whoever heard them drops them as repeats.
    """
    await connection.execute(_NOBODY_WRITES)
    again = await connection.execute(_AGAIN, {"since": since})
    return again.rowcount


async def publish_again(tx: Tx[Any], *, topic: str, after: str = "") -> str | None:
    """Publish anew what is followed of a topic of the service's own, a page in the order of keys; the last key, None when it was the last page.

    What stands in the outbox is newer and stays what it is; what was sent and not yet followed back is newer than what is followed.
    """
    await tx.execute(_NOBODY_WRITES)
    rows = (await tx.execute(_FOLLOWED, {"topic": topic, "after": after, "service": tx.context.name})).all()
    newest = {row.key: row for row in await tx.execute(_NEWEST, {"topic": topic, "keys": [row.key for row in rows]})}
    found: list[Document | None] = []
    for row in rows:
        newer = newest.get(row.key)
        if row.waits:
            continue
        if newer is None or newer.position <= row.heard:
            found.append(read(topic=topic, key=row.key, data=row.data))
        elif newer.data is None:
            await put_tombstone(tx, topic=topic, key=row.key, type=newer.type)
        else:
            found.append(read(topic=topic, key=row.key, data=orjson.loads(newer.data)))
    await put_documents(tx, [document for document in found if document is not None])
    return rows[-1].key if len(rows) == AT_ONCE else None


async def last_position(tx: Tx[Any]) -> int:
    """The highest position of a row that the database knows, sent or not; 0 when it never had one.

    Only where it has no row at all the sequence says it: after a recovery from the WAL that stands up to 32 ahead of what was ever drawn,
    so it would hide that many events. A fresh one, from which nothing was drawn, says nothing.
    """
    known = await tx.connection.scalar(_KNOWN)
    return int(known or 0)


_names = [column.name for column in OUTBOX.c]
_old = select(SENT.c.position, SENT.c.sent_at).order_by(SENT.c.position).limit(bindparam("limit")).subquery("old")
_FORGET = delete(SENT).where(
    SENT.c.position.in_(select(_old.c.position).where(_old.c.sent_at < func.now() - bindparam("kept", type_=Interval))),
    SENT.c.position < select(func.max(SENT.c.position)).scalar_subquery(),
)
"""Looks at the lowest positions alone: they were sent first, or again a moment ago. The highest stays: by it the database is known."""
_back = delete(SENT).where(SENT.c.sent_at >= bindparam("since")).returning(*(SENT.c[name] for name in _names)).cte("back")
_AGAIN = insert(OUTBOX).from_select(_names, select(*_back.c).order_by(_back.c.position))
_NOBODY_WRITES = text(f"lock table {OUTBOX.name} in share row exclusive mode")
"""Otherwise a transaction that is open could put a newer row in front of an older one."""
_waits = select(OUTBOX.c.position).where(OUTBOX.c.topic == FOLLOWED.c.topic, OUTBOX.c.key == FOLLOWED.c.key).exists()
_heard = select(SEEN.c.position).where(SEEN.c.service == bindparam("service"), SEEN.c.key == FOLLOWED.c.key).scalar_subquery()
_FOLLOWED = (
    select(FOLLOWED.c.key, FOLLOWED.c.data, _waits.label("waits"), func.coalesce(_heard, 0).label("heard"))
    .where(FOLLOWED.c.topic == bindparam("topic"), FOLLOWED.c.key > bindparam("after"))
    .order_by(FOLLOWED.c.key)
    .limit(AT_ONCE)
)
_NEWEST = (
    select(SENT.c.key, SENT.c.position, SENT.c.type, SENT.c.data)
    .ext(distinct_on(SENT.c.key))
    .where(SENT.c.topic == bindparam("topic"), SENT.c.key == func.any(bindparam("keys", type_=ARRAY(Text))))
    .order_by(SENT.c.key, SENT.c.position.desc())
)
_listed = func.greatest(
    select(func.max(SENT.c.position)).scalar_subquery(),
    select(func.max(OUTBOX.c.position)).scalar_subquery(),
)
_KNOWN = select(func.coalesce(_listed, func.pg_sequence_last_value(func.pg_get_serial_sequence(OUTBOX.name, OUTBOX.c.position.name))))
