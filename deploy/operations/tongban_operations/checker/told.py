"""What the log tells of each case, and whether it tells it in order, once, and with the cause before the effect."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import orjson

from tongban_operations.checker.database import AT_ONCE, Snapshot
from tongban_operations.checker.events import CASES, CREDENTIALS, READERS, SENDERS, TELLINGS, TOPICS, WATERMARK, aggregate_of, hearers
from tongban_operations.checker.log import Log, Logged, Partition
from tongban_operations.checker.report import Findings

_BEHIND = """select told.key, sender, told.position, seen.position as heard
    from unnest($1::text[], $2::text[], $3::bigint[]) as told (key, sender, position)
    left join seen on seen.key = told.key and seen.service = sender where sender <> $4 and coalesce(seen.position, 0) < told.position"""
_NOT_IN_INBOX = """select id, about from unnest($1::text[], $2::text[]) as told (id, about)
    where not exists (select from inbox where consumer = $3 and event_id = id)"""


@dataclass(slots=True)
class Telling:
    """Everything that the log told."""

    cases: dict[str, dict[str, int]] = field(default_factory=dict)
    """Of each case the events told, by whose count they belong to: ``intake``, ``credential``, ``handling``, or the id of a transfer."""
    credentials: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Of each credential its case and the events told."""
    whole: bool = True
    """False when a topic's oldest records were removed for their age: what is not told may have been."""


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
    facts: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    hop: str = ""


async def read_log(findings: Findings, log: Log, snapshots: Mapping[str, Snapshot], *, parked: Collection[str]) -> Telling:
    """Read every topic of events and note what is out of order, doubled, a stranger's, or took no effect; ``parked`` as in `prove_rest`."""
    telling = Telling()
    unheard = _Unheard(findings, snapshots)
    for topic in TOPICS:
        homes: dict[str, int] = {}
        for partition in await log.partitions(topic):
            reading = _Reading(findings, unheard, partition, parked=frozenset(parked))
            async for record in log.read(partition):
                reading.take(record)
                if unheard.full:
                    await unheard.ask()
            telling.whole = telling.whole and partition.first == 0
            await _prove_heard(findings, snapshots, reading)
            reading.keep(telling, homes)
    await unheard.ask()
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


class _Unheard:
    """Asks the inboxes for events, many at a time."""

    def __init__(self, findings: Findings, snapshots: Mapping[str, Snapshot]) -> None:
        self._findings = findings
        self._snapshots = snapshots
        self._waiting: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self.full = False

    def expect(self, service: str, event_id: str, about: str) -> None:
        """An event that must have taken effect at a service."""
        waiting = self._waiting[service]
        waiting.append((event_id, about))
        self.full = self.full or len(waiting) >= AT_ONCE

    async def ask(self) -> None:
        """Note those that did not."""
        for service, waiting in self._waiting.items():
            ids, about = [each[0] for each in waiting], [each[1] for each in waiting]
            for row in await self._snapshots[service].rows(_NOT_IN_INBOX, ids, about, service):
                key, _, type_ = row["about"].partition(" ")
                self._findings.differ(
                    "lost.effect", key, expected=f"{type_} took effect at {service}", found=f"{row['id']} not in its inbox"
                )
            self._findings.counts["effects"] += len(waiting)
            waiting.clear()
        self.full = False


class _Reading:
    """One partition."""

    def __init__(self, findings: Findings, unheard: _Unheard, partition: Partition, *, parked: frozenset[str]) -> None:
        self._parked = parked
        self._findings = findings
        self._unheard = unheard
        self.topic = partition.topic
        self._number = partition.number
        self._whole = partition.first == 0
        self.keys: dict[str, _Key] = {}
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
        if not self._is_new(key, service=service, position=position, event_id=event_id):
            self._findings.counts["repeats"] += 1
            return
        if service not in SENDERS and {event_id, key} & self._parked:
            # A stranger's, put aside on purpose: no row of ours counts it.
            self._findings.counts["foreign"] += 1
        elif service not in SENDERS:
            self._findings.differ("ahead.log", key, expected=f"events of {', '.join(sorted(SENDERS))}", found=f"{type_} of {service!r}")
        elif self.topic == CASES and isinstance(data, dict) and "case_id" in data:
            self._tell(type_, service=service, sequence=sequence, data=data)
        elif self.topic == CREDENTIALS and isinstance(data, dict) and "case_id" in data:
            case = self._cases.setdefault(subject, _Case(about=str(data["case_id"])))
            self._count(case, subject, sequence, about=subject)

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
                telling.cases[name] = case.counts

    def _unreadable(self, record: Logged) -> None:
        self._findings.counts["unreadable"] += 1
        for reader in READERS[self.topic]:
            place = f"{record.topic}/{record.partition}/{record.offset}"
            self._unheard.expect(reader, place, f"{record.key} unreadable")

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

    def _tell(self, type_: str, *, service: str, sequence: int, data: dict[str, object]) -> None:
        case_id = str(data["case_id"])
        case = self._cases.setdefault(case_id, _Case(about=case_id))
        hop = case.hop or f"{case_id}-1"
        aggregate = aggregate_of(type_, service=service, data=data, signed="signed for" in case.facts, hop=hop)
        if "transfer_id" in data:
            case.hop = str(data["transfer_id"])
        self._count(case, aggregate, sequence, about=case_id)
        telling = TELLINGS.get(type_)
        if telling is None:
            return
        once, after = telling.once.format_map(data), telling.after.format_map(data)
        if after and self._whole and after not in case.facts:
            self._findings.differ("order.cause", case_id, expected=f"{after} before {type_}", found="not before it")
        if once:
            if once in case.facts:
                self._findings.differ("doubled.event", case_id, expected=f"{once}: told once", found=f"{type_} again under another id")
            case.facts.add(once)
        case.facts.update(fact.format_map(data) for fact in telling.also)

    def _count(self, case: _Case, aggregate: str, sequence: int, *, about: str) -> None:
        before = case.counts.get(aggregate, 0)
        first_seen = aggregate not in case.counts
        if sequence != before + 1 and (self._whole or not first_seen):
            self._findings.differ("order.sequence", about, expected=f"{aggregate}: event {before + 1}", found=f"event {sequence}")
        case.counts[aggregate] = max(before, sequence)
