"""Logs: one JSON object a line, made of known keys only.

Personal data stays out by construction: a key that is not in `KNOWN` is dropped, whoever logs it; of an exception its type and its place are
written, never its text; of a library's line its template, never what was filled in.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

from chassis import tracing

KNOWN = frozenset(
    {
        "action",
        "at",
        "attempt",
        "consumer",
        "count",
        "error",
        "event",
        "event_id",
        "event_type",
        "group",
        "job",
        "key",
        "kind",
        "level",
        "logger",
        "method",
        "ms",
        "name",
        "offset",
        "partition",
        "place",
        "port",
        "position",
        "reason",
        "route",
        "rule",
        "seconds",
        "service",
        "state",
        "status",
        "timer",
        "topic",
        "trace",
        "version",
    }
)
"""Every key that a line may have; none of them holds anything of a person. ``key`` is the key of an event: an id."""

LONGEST = 300
"""Characters of a value; the rest is cut."""

OWN_PACKAGE_FRAMES = 6
"""Frames of a traceback that are written, innermost last."""

_TRUSTED = ("uvicorn", "alembic", "aiokafka")
"""Libraries whose message templates are constants of their own."""

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """The logger of a module: ``log.info("relay.started", topic=…)``, an event name and known keys."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger


def configure(level: str = "info", *, aside: bool = False) -> None:
    """Send our lines and the libraries' to standard output as JSON; may be called by each service of a process.

    Args:
        level: The least that is written.
        aside: Our lines to standard error: a program's standard output holds its result.
    """
    structlog.configure(
        processors=[_named, _known_only],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_: _Line(aside=aside),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    if not any(isinstance(handler, _Foreign) for handler in root.handlers):
        root.addHandler(_Foreign())
    root.setLevel(max(_LEVELS[level], logging.WARNING))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], name != "uvicorn.access"
        # Another program in this process may have asked for less or for nothing; what is written is ours to say.
        logger.setLevel(logging.NOTSET)
        logger.disabled = False


def describe(error: BaseException) -> tuple[str, str]:
    """An exception as logs may show it: its type, and the places it came through, innermost last."""
    frames = traceback.extract_tb(error.__traceback__)[-OWN_PACKAGE_FRAMES:]
    return type(error).__qualname__, " > ".join(f"{_module(frame.filename)}:{frame.lineno}" for frame in frames)


class _Line:
    """Writes one finished line."""

    def __init__(self, *, aside: bool) -> None:
        self._aside = aside

    def msg(self, line: bytes) -> None:
        stream = sys.stderr if self._aside else sys.stdout
        stream.write(line.decode() + "\n")
        stream.flush()

    debug = info = warning = error = critical = msg


def _named(_logger: object, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    line["level"] = method
    line["at"] = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line.setdefault("service", tracing.service_name())
    line.setdefault("trace", tracing.trace_id())
    error = line.pop("exc_info", None)
    if isinstance(error, BaseException):
        line["error"], line["place"] = describe(error)
    return line


def _known_only(_logger: object, _method: str, line: MutableMapping[str, Any]) -> bytes:
    return orjson.dumps({key: _short(line[key]) for key in sorted(line.keys() & KNOWN) if line[key] != ""})


def _short(value: object) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)[:LONGEST]


def _module(filename: str) -> str:
    return "/".join(filename.rsplit("/", 2)[-2:])


class _Foreign(logging.Handler):
    """Lines of libraries that use the standard library's logging."""

    def emit(self, record: logging.LogRecord) -> None:
        known = record.name.startswith(_TRUSTED) and isinstance(record.msg, str)
        keys: dict[str, Any] = {"logger": record.name, "place": f"{_module(record.pathname)}:{record.lineno}"}
        if record.exc_info and record.exc_info[1] is not None:
            keys["error"], keys["place"] = describe(record.exc_info[1])
        text = record.msg if known else "library"
        get_logger().log(record.levelno, text.replace("%", "%%") if not record.args else text, **keys)
