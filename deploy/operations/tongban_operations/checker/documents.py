"""What is published as documents: it is on the log, whoever follows it has read it to the end, and all keep the same of it."""

from collections.abc import AsyncIterator, Mapping

from tongban_operations.checker.database import Row, Snapshot
from tongban_operations.checker.events import CATALOG, CATALOGUE, COMPACTED, WATERMARK
from tongban_operations.checker.footprints import Footprints
from tongban_operations.checker.log import Log, Logged
from tongban_operations.checker.report import Findings

FOLLOWS: Mapping[str, frozenset[str]] = {
    CATALOG: frozenset(CATALOGUE),
    "intake": frozenset(CATALOGUE),
    "routing": frozenset(COMPACTED),
    "credential": frozenset({"catalog.rules.v1"}),
}
"""The topics of documents that each service keeps."""

_OFFSETS = 'select topic, partition, "offset" from follow_offsets'
_FOLLOWED = """select topic, key, md5(data::text) as form from followed where topic = any ($1)
    order by topic collate "C", key collate "C" """


async def read_documents(findings: Findings, log: Log, snapshots: Mapping[str, Snapshot], *, footprints: Footprints) -> None:
    """Read every topic of documents, and see that each service that follows it has read it to its end."""
    reached = {
        service: {(row["topic"], row["partition"]): row["offset"] for row in await snapshot.rows(_OFFSETS)}
        for service, snapshot in snapshots.items()
    }
    for topic in COMPACTED:
        for partition in await log.partitions(topic):
            async for record in log.read(partition):
                findings.counts["documents"] += 1
                _tread(findings, footprints, record)
            for service, offsets in reached.items():
                offset = offsets.get((topic, partition.number), 0)
                if topic in FOLLOWS[service] and partition.first < partition.end and offset < partition.end:
                    about = f"{topic}/{partition.number}"
                    findings.differ("left.position", about, expected=f"{service} at {partition.end}", found=offset)


async def prove_followed(findings: Findings, snapshots: Mapping[str, Snapshot]) -> None:
    """Find documents that a service keeps otherwise than the catalogue does, or than routing does where the catalogue is not looked at."""
    owner = CATALOG if CATALOG in snapshots else "routing"
    for service in sorted(snapshots.keys() - {owner}):
        topics = sorted(FOLLOWS[service] & FOLLOWS[owner])
        theirs, ours = (snapshots[name].stream(_FOLLOWED, topics) for name in (owner, service))
        their, our = await anext(theirs, None), await anext(ours, None)
        while their is not None or our is not None:
            named = min(_name(each) for each in (their, our) if each is not None)
            kept = our["form"] if our is not None and _name(our) == named else None
            owned = their["form"] if their is not None and _name(their) == named else None
            if kept != owned:
                found = "nothing" if kept is None else "something else" if owned is not None else "a document that is none"
                findings.differ("shown.document", named[1], expected=f"{service}: what {owner} keeps of {named[0]}", found=found)
            their = await _after(theirs, their, named=named)
            our = await _after(ours, our, named=named)
            findings.counts["followed"] += 1


def _name(row: Row) -> tuple[str, str]:
    return row["topic"], row["key"]


async def _after(rows: AsyncIterator[Row], row: Row | None, *, named: tuple[str, str]) -> Row | None:
    return await anext(rows, None) if row is not None and _name(row) == named else row


def _tread(findings: Findings, footprints: Footprints, record: Logged) -> None:
    try:
        headers = {name: record.headers[name].decode() for name in ("ce_type", "ce_id", "ce_source", "ce_position")}
        position, service = int(headers["ce_position"]), headers["ce_source"].split("/", 2)[1]
    except (KeyError, ValueError, IndexError):
        place = f"{record.topic}/{record.partition}/{record.offset}"
        findings.differ("unreadable.event", record.key, expected="a document", found=f"{place} does not parse")
        return
    if headers["ce_type"] != WATERMARK:
        footprints.add(service, position, topic=record.topic, event_id=headers["ce_id"])
