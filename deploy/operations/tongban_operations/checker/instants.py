"""When something came to be, by its own id: of UUIDs of version 7 the first 48 bits are milliseconds of real time."""

from datetime import UTC, datetime
from uuid import UUID

_VERSION = 7


def made_at(name: str) -> datetime | None:
    """When an id was made; None for one that does not tell."""
    try:
        made = UUID(name)
    except ValueError:
        return None
    return datetime.fromtimestamp((made.int >> 80) / 1000, tz=UTC) if made.version == _VERSION else None


def is_older(case_id: str, instant: datetime | None) -> bool:
    """Whether a case began before an instant; one that does not tell when it began did, and nothing is before no instant."""
    if instant is None:
        return False
    made = made_at(case_id)
    return made is None or made < instant
