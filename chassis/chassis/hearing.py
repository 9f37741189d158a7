"""What a record from the log is to a service: an event it handles, one it passes over, a watermark, or something to put aside."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from chassis.bus import Received
from chassis.context import Handler, Subscriptions
from contracts.codec import Malformed, decode
from contracts.envelope import LONGEST_ATTRIBUTE, Envelope, from_record
from contracts.event import Event, Watermark

WATERMARK = Watermark.TYPE
"""Type of the event by which a relay says that all before an instant was sent."""

_VERSION = re.compile(r"\.v\d+\Z")


class Meaning(StrEnum):
    """What to do with a record."""

    HANDLE = "handle"
    SKIP = "skip"
    WATERMARK = "watermark"
    PARK = "park"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A record and its meaning."""

    record: Received
    meaning: Meaning
    key: str
    """What the order is kept for."""
    event_id: str
    """The event's own id; where there is none to be read, its place on the log."""
    type: str = ""
    envelope: Envelope | None = None
    event: Event | None = None
    reason: str = ""
    """Why it is put aside: ``unreadable``, ``malformed``, ``unknown-version``, ``failed`` or ``behind`` another of its key."""
    error: str = ""
    """Rule or kind of error; never a text, which could repeat what was sent."""


class Hearing:
    """Reads records with one service's subscriptions."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        self.handlers: Mapping[type[Event], Handler] = dict(subscriptions)
        self._kinds = {kind.TYPE: kind for kind in subscriptions}
        self._stems = {_VERSION.sub("", kind.TYPE) for kind in subscriptions}

    def read(self, record: Received) -> Heard:
        """What a record means here; never raises."""
        try:
            envelope = from_record(key=record.key, value=record.value, headers=record.headers)
            _check(envelope)
        except Malformed as error:
            place = f"{record.topic}/{record.partition}/{record.offset}"
            key = (record.key or "").replace("\x00", "")[:LONGEST_ATTRIBUTE]
            return Heard(record=record, meaning=Meaning.PARK, key=key, event_id=place, reason="unreadable", error=type(error).__name__)
        if envelope.type == WATERMARK:
            return _heard(record, envelope, Meaning.WATERMARK)
        kind = self._kinds.get(envelope.type)
        if kind is not None:
            try:
                return _heard(record, envelope, Meaning.HANDLE, event=decode(kind, envelope.data))
            except Malformed as error:
                return _heard(record, envelope, Meaning.PARK, reason="malformed", error=type(error).__name__)
        if _VERSION.sub("", envelope.type) in self._stems:
            return _heard(record, envelope, Meaning.PARK, reason="unknown-version")
        return _heard(record, envelope, Meaning.SKIP)


def _heard(
    record: Received, envelope: Envelope, meaning: Meaning, *, event: Event | None = None, reason: str = "", error: str = ""
) -> Heard:
    return Heard(
        record=record,
        meaning=meaning,
        key=envelope.key,
        event_id=envelope.id,
        type=envelope.type,
        envelope=envelope,
        event=event,
        reason=reason,
        error=error,
    )


def _check(envelope: Envelope) -> None:
    if not envelope.source.startswith("/") or not envelope.id:
        raise Malformed("record is no CloudEvent of ours: source or id")
    if any("\x00" in text for text in (envelope.id, envelope.type, envelope.source, envelope.subject, envelope.key)):
        raise Malformed("record is no CloudEvent of ours: NUL in an attribute")
