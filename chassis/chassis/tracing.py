"""Trace ids: from the first request through every event it causes, by W3C ``traceparent``.

Spans are left to OpenTelemetry, which is off unless an endpoint is set; the id alone joins logs, answers and events.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "traceparent"

_FORM = re.compile(r"\A00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})\Z")
_CURRENT: ContextVar[str | None] = ContextVar("traceparent", default=None)
_SERVICE: ContextVar[str] = ContextVar("service", default="")


@contextmanager
def traced(incoming: str | None = None, *, service: str | None = None) -> Iterator[str]:
    """Work under the trace that came in, or under a new one; gives the ``traceparent`` of this step.

    Args:
        incoming: A ``traceparent`` as received; anything else starts a new trace.
        service: Who works, for logs where several services share a process.
    """
    token = _CURRENT.set(_continue(incoming))
    named = _SERVICE.set(service) if service is not None else None
    try:
        yield _CURRENT.get() or ""
    finally:
        _CURRENT.reset(token)
        if named is not None:
            _SERVICE.reset(named)


def traceparent() -> str | None:
    """What outgoing requests and events carry, None outside any trace."""
    return _CURRENT.get()


def trace_id() -> str:
    """The 32 hex digits of the present trace, empty outside any trace."""
    current = _CURRENT.get()
    return current.split("-")[1] if current else ""


def outgoing_headers() -> dict[str, str]:
    """Headers for a call to another service."""
    current = _CURRENT.get()
    return {HEADER: current} if current else {}


def work_as(service: str) -> None:
    """Name the service in the present task and the tasks it starts."""
    _SERVICE.set(service)


def service_name() -> str:
    """Who works in the present task."""
    return _SERVICE.get()


def _continue(incoming: str | None) -> str:
    known = _FORM.match(incoming) if incoming else None
    trace, flags = (known[1], known[3]) if known else (secrets.token_hex(16), "00")
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"
