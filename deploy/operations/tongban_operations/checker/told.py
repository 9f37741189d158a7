"""What the log tells of each case, and whether it tells it in order, once, and with the cause before the effect."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from tongban_operations.checker.database import AT_ONCE, Snapshot
from tongban_operations.checker.effects import Trace, Unheard, prove_traces
from tongban_operations.checker.events import (
    ACCESS,
    CREDENTIALS,
    READERS,
    SENDERS,
    TELLINGS,
    TOPICS,
    WATERMARK,
    aggregate_of,
    hearers,
)
from tongban_operations.checker.footprints import Footprints
from tongban_operations.checker.instants import is_older
from tongban_operations.checker.log import Log, Logged, Partition
from tongban_operations.checker.report import Findings

_BEHIND = """select told.key, sender, told.position, seen.position as heard
    from unnest($1::text[], $2::text[], $3::bigint[]) as told (key, sender, position)
    left join seen on seen.key = told.key and seen.service = sender where sender <> $4 and coalesce(seen.position, 0) < told.position"""


@dataclass(slots=True)
class Telling:
    """Everything that the log told."""

    log_from: datetime | None = None
    """When the log began anew; a case that is older is told of from its middle, or not at all."""
    cases: dict[str, bytes] = field(default_factory=dict)
    """Of each case what `tell_of` gives, as JSON: a mapping each would be a gigabyte of a million cases."""
    credentials: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Of each credential its case and the events told."""
    whole: bool = True
    """False when a topic's oldest records were removed for their age: what is not told may have been."""

    def keep_case(self, case_id: str, counts: dict[str, int]) -> None:
        """Keep the events told of a case."""
        self.cases[case_id] = orjson.dumps(counts)

    def tell_of(self, case_id: str) -> dict[str, int]:
        """Take out the events told of a case, by whose count they belong to: ``intake``, ``credential``, ``handling``, or a transfer's id."""
        told: dict[str, int] = orjson.loads(self.cases.pop(case_id, b"{}"))
        return told

    def knows_whole(self, case_id: str) -> bool:
        """Whether the log should have everything of a case."""
        return self.whole and not is_older(case_id, self.log_from)


@dataclass(slots=True)
class _Key:
    """One key while its partition is being read."""

    ids: dict[str, dict[int, str]] = field(default_factory=dict)
    """Sender, position, event id."""
    last: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Case:
    """One case, or one credential, while its partition is being read."""

    about: str
    """The case."""
    whole: bool
    """Whether it is told of from its beginning."""
    facts: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    hop: str = ""


async def read_log(
    findings: Findings,
    log: Log,
    snapshots: Mapping[str, Snapshot],
    *,
    parked: Collection[str],
    footprints: Footprints,
    log_from: datetime | None,
) -> Telling:
    """Read every topic of events and note what is out of order, doubled, a stranger's, unreadable, or took no effect.

    Args:
        findings: Takes what is found.
        log: As it stands.
        snapshots: The databases.
        parked: As in `prove_rest`.
        footprints: Takes every record of ours.
        log_from: As in `Telling`.
    """
    telling = Telling(log_from=log_from)
    unheard = Unheard(findings, snapshots)
    traces = 0
    for topic in TOPICS:
        homes: dict[str, int] = {}
        for partition in await log.partitions(topic):
            reading = _Reading(findings, unheard, partition, parked=frozenset(parked), footprints=footprints, log_from=log_from)
            async for record in log.read(partition):
                reading.take(record)
                if unheard.full:
                    await unheard.ask()
            telling.whole = telling.whole and partition.first == 0
            traces += len(reading.traces)
            await _prove_heard(findings, snapshots, reading)
            reading.keep(telling, homes)
    await unheard.ask()
    await prove_traces(findings, snapshots, told=traces, whole=telling.whole and log_from is None)
    return telling


async def _prove_heard(findings: Findings, snapshots: Mapping[str, Snapshot], reading: "_Reading") -> None:
    """Every service that reads the topic has heard each key to its end."""
    ends = [(key, sender, position) for key, told in reading.keys.items() for sender, position in told.last.items()]
    for start in range(0, len(ends), AT_ONCE):
        keys, senders, positions = zip(*ends[start : start + AT_ONCE], strict=True)
        for reader in sorted(READERS[reading.topic]):
            # Of what it sent itself it keeps no position: it is never behind.
            for row in await snapshots[reader].rows(_BEHIND, keys, senders, positions, reader):
                expected = f"{reader} at {row['sender']}/{row['position']}"
                findings.differ("left.position", row["key"], expected=expected, found=row["heard"])


class _Reading:
    """One partition."""

    def __init__(
        self,
        findings: Findings,
        unheard: Unheard,
        partition: Partition,
        *,
        parked: frozenset[str],
        footprints: Footprints,
        log_from: datetime | None,
    ) -> None:
        self._parked = parked
        self._findings = findings
        self._unheard = unheard
        self._footprints = footprints
        self._log_from = log_from
        self.topic = partition.topic
        self._number = partition.number
        self._whole = partition.first == 0
        self.keys: dict[str, _Key] = {}
        self.traces: set[Trace] = set()
        self._cases: dict[str, _Case] = {}

    def take(self, record: Logged) -> None:
        """Look at one record."""
        headers = record.headers
        try:
            type_, event_id = headers["ce_type"].decode(), headers["ce_id"].decode()
            if type_ == WATERMARK:
                return
            service = headers["ce_source"].decode().split("/", 2)[1]
            key = headers["ce_partitionkey"].decode()
            position, sequence = int(headers["ce_position"]), int(headers["ce_sequence"])
            data = orjson.loads(record.value or b"")
            subject = headers["ce_subject"].decode()
        except (KeyError, ValueError, IndexError):
            self._unreadable(record)
            return
        for hearer in hearers(self.topic, type_):
            self._unheard.expect(hearer, event_id, f"{key} {type_}")
        self._findings.counts["events"] += 1
        self._footprints.add(service, position, topic=self.topic, event_id=event_id)
        if not self._is_new(key, service=service, position=position, event_id=event_id):
            self._findings.counts["repeats"] += 1
            return
        if service not in SENDERS and {event_id, key} & self._parked:
            # A stranger's, put aside on purpose: no row of ours counts it.
            self._findings.counts["foreign"] += 1
            return
        if service not in SENDERS:
            self._findings.differ("ahead.log", key, expected=f"events of {', '.join(sorted(SENDERS))}", found=f"{type_} of {service!r}")
            return
        if record.key != key:
            self._findings.differ("order.partition", key, expected="a record under its own key", found=f"{_place(record)} under another")
        try:
            self._tell(type_, service=service, sequence=sequence, subject=subject, data=data)
        except (KeyError, TypeError) as missing:
            found = f"{_place(record)} {type_}: {type(missing).__name__} {missing}"
            self._findings.differ("unreadable.event", key, expected="everything that its type says", found=found)

    def keep(self, telling: Telling, homes: dict[str, int]) -> None:
        """Hand over what is needed later; the rest is forgotten with the partition."""
        for key in self.keys:
            home = homes.setdefault(key, self._number)
            if home != self._number:
                self._findings.differ("order.partition", key, expected=f"{self.topic}/{home} alone", found=f"also in {self._number}")
        for name, case in self._cases.items():
            if self.topic == CREDENTIALS:
                telling.credentials[name] = (case.about, case.counts[name])
            else:
                telling.keep_case(name, case.counts)

    def _unreadable(self, record: Logged) -> None:
        self._findings.counts["unreadable"] += 1
        place = _place(record)
        for reader in READERS[self.topic]:
            self._unheard.expect(reader, place, f"{record.key} unreadable")
        if not {place, record.key, record.headers.get("ce_id", b"").decode(errors="replace")} & self._parked:
            self._findings.differ("unreadable.event", record.key, expected="an event", found=f"{place} does not parse")

    def _is_new(self, key: str, *, service: str, position: int, event_id: str) -> bool:
        of_key = self.keys.setdefault(key, _Key())
        ids = of_key.ids.setdefault(service, {})
        known = ids.get(position)
        if known is not None:
            if known != event_id:
                self._findings.differ("doubled.position", key, expected=f"{known} at {service}/{position}", found=f"also {event_id}")
            return False
        ids[position] = event_id
        last = of_key.last.get(service, 0)
        if position < last:
            self._findings.differ("order.position", key, expected=f"{service}/{position} before {last}", found=f"{position} after {last}")
        of_key.last[service] = max(last, position)
        return True

    def _tell(self, type_: str, *, service: str, sequence: int, subject: str, data: dict[str, object]) -> None:
        if self.topic == ACCESS:
            trace_id, aggregate, action, about, caller, at = (
                str(data[name]) for name in ("trace_id", "aggregate", "action", "about", "caller", "at")
            )
            trace = (trace_id, aggregate, action, about, caller, at)
            if trace not in self.traces:
                self.traces.add(trace)
                self._unheard.expect_trace(trace)
            return
        case_id = str(data["case_id"])
        name = subject if self.topic == CREDENTIALS else case_id
        case = self._cases.get(name)
        if case is None:
            case = self._cases[name] = _Case(about=case_id, whole=self._whole and not is_older(case_id, self._log_from))
        if self.topic == CREDENTIALS:
            self._count(case, subject, sequence, about=subject)
            return
        hop = case.hop or f"{case_id}-1"
        aggregate = aggregate_of(type_, service=service, data=data, signed="signed for" in case.facts, hop=hop)
        if "transfer_id" in data:
            case.hop = str(data["transfer_id"])
        self._count(case, aggregate, sequence, about=case_id)
        self._tell_facts(case, type_, data)

    def _tell_facts(self, case: _Case, type_: str, data: dict[str, object]) -> None:
        telling = TELLINGS.get(type_)
        if telling is None:
            return
        after = telling.after.format_map(data)
        if after and case.whole and after not in case.facts:
            self._findings.differ("order.cause", case.about, expected=f"{after} before {type_}", found="not before it")
        for once in (each.format_map(data) for each in telling.once):
            if once in case.facts:
                self._findings.differ("doubled.event", case.about, expected=f"{once}: told once", found=f"{type_} again under another id")
            case.facts.add(once)
        case.facts.update(fact.format_map(data) for fact in telling.also)

    def _count(self, case: _Case, aggregate: str, sequence: int, *, about: str) -> None:
        before = case.counts.get(aggregate, 0)
        first_seen = aggregate not in case.counts
        if sequence != before + 1 and (case.whole or not first_seen):
            self._findings.differ("order.sequence", about, expected=f"{aggregate}: event {before + 1}", found=f"event {sequence}")
        case.counts[aggregate] = max(before, sequence)


def _place(record: Logged) -> str:
    return f"{record.topic}/{record.partition}/{record.offset}"
