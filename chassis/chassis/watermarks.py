"""Up to which instant everything a service sent was heard: what a clock waits for before it does what cannot be taken back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select

from chassis import parking
from chassis.bus import Received, partition_of
from chassis.database import Tx
from chassis.tables import WATERMARKS
from chassis.writing import Conflict, Rows
from contracts.codec import Malformed, decode
from contracts.envelope import Envelope
from contracts.event import Watermark


async def heard_until(tx: Tx[Any], *, service: str, topic: str, key: str) -> datetime | None:
    """The instant before which every event of this key that the service sent has been handled here.

    None when the service has said nothing yet, or when an event of the key is parked: what it would have said is not known.
    """
    if await parking.parked_keys(tx, topic=topic, keys=[key]):
        return None
    partitions = await tx.connection.scalar(_PARTITIONS, {"service": service, "topic": topic})
    if partitions is None:
        return None
    partition = partition_of(key, partitions)
    until: datetime | None = await tx.connection.scalar(_UNTIL, {"service": service, "topic": topic, "partition": partition})
    return until


def keep(tx: Tx[Any], heard: Sequence[tuple[Received, Envelope]]) -> None:
    """Store watermarks as they were heard; an instant only ever moves later.

    Raises:
        Malformed: One of them says no instant.
    """
    newest: dict[tuple[str, str, int], dict[str, object]] = {}
    for record, envelope in heard:
        said = decode(Watermark, envelope.data)
        if said.partitions < 1:
            raise Malformed("watermark: expected at least one partition")
        newest[(envelope.service, *record.place)] = {
            "service": envelope.service,
            "topic": record.topic,
            "partition": record.partition,
            "partitions": said.partitions,
            "until": said.until,
        }
    for place in sorted(newest):
        tx.write(_NEWEST, newest[place])


_PARTITIONS = (
    select(WATERMARKS.c.partitions)
    .where(WATERMARKS.c.service == bindparam("service"), WATERMARKS.c.topic == bindparam("topic"))
    .order_by(WATERMARKS.c.partition)
    .limit(1)
)
_UNTIL = select(WATERMARKS.c.until).where(
    WATERMARKS.c.service == bindparam("service"),
    WATERMARKS.c.topic == bindparam("topic"),
    WATERMARKS.c.partition == bindparam("partition"),
)
_NEWEST = Rows(
    WATERMARKS,
    conflict=Conflict.MERGE,
    merge=lambda old, new: ({"until": func.greatest(old["until"], new["until"]), "partitions": new["partitions"]}, None),
)
