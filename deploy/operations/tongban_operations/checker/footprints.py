"""Every row that a service counts as sent is on the log: its position, under its id, on its topic."""

from array import array
from bisect import bisect_left
from collections.abc import Mapping
from datetime import datetime

from tongban_operations.checker.database import Row, Snapshot
from tongban_operations.checker.events import COMPACTED
from tongban_operations.checker.report import Findings

_BUCKETS = 4096

_SENT = """select position, topic, key, id, type from sent
    where topic <> all ($1) and ($2::timestamptz is null or sent_at >= $2) order by position"""
_SENT_DOCUMENTS = """select position, topic, key, id, type from (
        select distinct on (topic, key) position, topic, key, id, type, data is null as taken_back from sent
        where topic = any ($1) and ($2::timestamptz is null or sent_at >= $2) order by topic, key, position desc
    ) as newest where not taken_back"""
"""Of a compacted topic the newest of each key stays; one that was taken back goes after a while."""


class Footprints:
    """What was seen on the log, eight bytes a record: a number made of its sender, position, topic and id."""

    def __init__(self) -> None:
        """Nothing was seen."""
        self._buckets = [array("Q") for _ in range(_BUCKETS)]

    def add(self, service: str, position: int, *, topic: str, event_id: str) -> None:
        """Note a record, before any is asked for."""
        mark = _mark(service, position, topic, event_id)
        self._buckets[mark % _BUCKETS].append(mark)

    def sort(self) -> None:
        """Make ready to be asked; a bucket at a time, for as plain numbers all of them would take four times the room."""
        self._buckets = [array("Q", sorted(bucket)) for bucket in self._buckets]

    def has(self, service: str, position: int, *, topic: str, event_id: str) -> bool:
        """Whether this record was seen; `sort` was called."""
        mark = _mark(service, position, topic, event_id)
        bucket = self._buckets[mark % _BUCKETS]
        place = bisect_left(bucket, mark)
        return place < len(bucket) and bucket[place] == mark


async def prove_sent(findings: Findings, snapshots: Mapping[str, Snapshot], footprints: Footprints, *, log_from: datetime | None) -> None:
    """Find rows that count as sent and are not on the log; with ``log_from`` those sent since then only."""

    def look(service: str, row: Row) -> None:
        findings.counts["sent"] += 1
        if not footprints.has(service, row["position"], topic=row["topic"], event_id=row["id"]):
            place = f"{row['topic']}: {row['type']} at {service}/{row['position']}"
            findings.differ("lost.record", row["key"], expected=place, found=f"{row['id']} not there")

    footprints.sort()
    for service, snapshot in snapshots.items():
        for statement in (_SENT, _SENT_DOCUMENTS):
            async for row in snapshot.stream(statement, list(COMPACTED), log_from):
                look(service, row)


def _mark(service: str, position: int, topic: str, event_id: str) -> int:
    return hash((service, position, topic, event_id)) & 0xFFFF_FFFF_FFFF_FFFF
