"""What is known here of events: who hears which, what each tells once, what must stand before it, and whose count it belongs to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

SERVICES = ("intake", "routing", "credential")
"""Whose databases are read."""
CATALOG = "catalog"
"""Whose database is read where it is named."""
SENDERS = frozenset({*SERVICES, "catalog", "gateway"})
"""Services that send events: the others leave traces of access."""
CASES = "case.events.v1"
CREDENTIALS = "credential.events.v1"
ACCESS = "access.events.v1"
TOPICS = (CASES, CREDENTIALS, ACCESS)

CATALOGUE = ("catalog.versions.v1", "catalog.parts.v1", "catalog.rules.v1")
"""Documents that more than one service keeps."""
COMPACTED = (*CATALOGUE, "access.rules.v1")
"""Topics of documents, of which the newest of each key stays."""

WATERMARK = "tongban.relay.watermark.v1"
"""A relay's sign of life: no event, and nobody's position."""

HEARS: Mapping[str, Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        CASES: {
            "tongban.case.received": frozenset({"routing", "credential"}),
            "tongban.case.supplemented": frozenset({"routing"}),
            "tongban.case.closed": frozenset({"routing"}),
            "tongban.case.validated": frozenset({"intake"}),
            "tongban.case.signed-for": frozenset({"intake"}),
            "tongban.case.returned": frozenset({"intake"}),
            "tongban.case.re-homed": frozenset(),
            "tongban.case.correction-noticed": frozenset({"intake", "credential"}),
            "tongban.case.accepted": frozenset({"intake", "credential"}),
            "tongban.case.not-accepted": frozenset({"intake", "credential"}),
            "tongban.case.suspended": frozenset({"intake", "credential"}),
            "tongban.case.resumed": frozenset({"intake"}),
            "tongban.case.extended": frozenset({"intake", "credential"}),
            "tongban.case.redated": frozenset({"intake"}),
            "tongban.case.decided": frozenset({"intake", "credential"}),
            "tongban.case.withdrawn": frozenset({"intake"}),
            "tongban.case.result-delivered": frozenset({"intake"}),
            "tongban.handling.ended": frozenset({"intake"}),
            "tongban.notice.sealed": frozenset({"intake", "routing"}),
            "tongban.decision.sealed": frozenset({"intake", "routing"}),
        },
        CREDENTIALS: {},
        ACCESS: {
            "tongban.access.refused": frozenset({"routing"}),
            "tongban.personal-data.read": frozenset({"routing"}),
        },
    }
)
"""Topic, type without its version, and the services for which it takes effect; every version of it, known to them or parked."""

_VERSION = re.compile(r"\.v\d+\Z")


@lru_cache(maxsize=1024)
def hearers(topic: str, type_: str) -> frozenset[str]:
    """The services for which an event of this type takes effect."""
    return HEARS[topic].get(_VERSION.sub("", type_), frozenset())


READERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {CASES: frozenset({"intake", "routing", "credential"}), CREDENTIALS: frozenset(), ACCESS: frozenset({"routing"})}
)
"""The services that read a topic to its end, skipping what they do not hear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What an event of a case tells, in words filled in from its data."""

    once: tuple[str, ...] = ()
    """What one case can be told of once only; none for what may happen again."""
    also: tuple[str, ...] = ()
    """Further facts that stand from now on."""
    after: str = ""
    """The fact that must stand before it."""


_NOTICE = "notice {notice_id}"

TELLINGS: Mapping[str, Telling] = MappingProxyType(
    {
        "tongban.case.received.v1": Telling(once=("received",)),
        "tongban.case.validated.v1": Telling(once=("validated {transfer_id}",), after="received"),
        "tongban.case.signed-for.v1": Telling(once=("signed for",), after="validated {transfer_id}"),
        "tongban.case.returned.v1": Telling(once=("returned {transfer_id}",), after="received"),
        "tongban.case.re-homed.v1": Telling(once=("re-homed {former_organ} {handling_organ} {authority}",), after="received"),
        "tongban.case.correction-noticed.v1": Telling(once=(_NOTICE,), after="signed for"),
        "tongban.case.supplemented.v1": Telling(once=("supplement {supplement}", "answer to {notice_id}"), after=_NOTICE),
        "tongban.case.accepted.v1": Telling(once=("accepted",), also=(_NOTICE,), after="signed for"),
        "tongban.case.not-accepted.v1": Telling(once=("not accepted",), also=(_NOTICE,), after="signed for"),
        "tongban.case.suspended.v1": Telling(once=(_NOTICE,), also=("suspended",), after="accepted"),
        "tongban.case.resumed.v1": Telling(after="suspended"),
        "tongban.case.extended.v1": Telling(once=("extended",), also=(_NOTICE,), after="accepted"),
        "tongban.case.redated.v1": Telling(after="signed for"),
        "tongban.case.decided.v1": Telling(once=("decided {decision}",), also=(_NOTICE,), after="accepted"),
        "tongban.notice.sealed.v1": Telling(once=("sealed {notice_id}",), after=_NOTICE),
        "tongban.decision.sealed.v1": Telling(once=("sealed {notice_id}",), also=("decision sealed",), after="decided {decision}"),
        "tongban.case.result-delivered.v1": Telling(once=("delivered {delivery_id}",), after="decision sealed"),
        "tongban.case.withdrawn.v1": Telling(once=("withdrawn",), after="received"),
        "tongban.handling.ended.v1": Telling(once=("ended",), after="received"),
        "tongban.case.closed.v1": Telling(once=("closed",), after="ended"),
    }
)
"""By type; a type that is not here tells nothing that is known here."""

_OF_TRANSFERS = frozenset({"tongban.case.validated.v1", "tongban.case.signed-for.v1", "tongban.case.returned.v1"})
_REHOMED = "tongban.case.re-homed.v1"
"""Of the hop until somebody signed, of the handling from then on; says itself which."""
_OF_EITHER = frozenset({"tongban.case.withdrawn.v1", "tongban.handling.ended.v1"})
HANDLING = "handling"


def aggregate_of(type_: str, *, service: str, data: Mapping[str, Any], signed: bool, hop: str) -> str:
    """Whose count the sequence of a case's event belongs to.

    Args:
        type_: Of the event.
        service: Its sender.
        data: What it says.
        signed: Whether somebody had signed for the case before: from then on the handling speaks of its end, before that the transfer.
        hop: The transfer last told of.
    """
    if service != "routing":
        return service
    if type_ in _OF_TRANSFERS or (type_ == _REHOMED and data["transfer_id"]):
        return str(data["transfer_id"])
    return hop if type_ in _OF_EITHER and not signed else HANDLING
