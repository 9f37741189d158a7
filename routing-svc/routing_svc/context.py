"""What routing-svc holds in memory while it runs."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeAlias

from chassis.context import Context
from chassis.database import Tx
from contracts.values import OrganCode, TransferId
from rules.catalogue import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedKey:
    """A private signing key, opened; lives in memory only."""

    kid: str
    sign: Callable[[bytes], str] = field(repr=False)
    """The signature of bytes by it, base64url without padding."""


@dataclass(kw_only=True)
class Routing(Context):
    """One running routing-svc."""

    catalogue: Catalogue = field(default_factory=Catalogue)
    """Regions, organs, items, agreements and calendars, followed from the catalogue's topics."""
    notice_numbers: deque[int] = field(default_factory=deque)
    """Numbers of notices taken ahead."""
    exchange_keys: dict[OrganCode, OpenedKey] = field(default_factory=dict)
    """Exchange keys opened so far; spares the vault for every receipt."""
    redated: tuple[date, datetime] | None = None
    """Last day of the national calendar for which this process reckoned provisional dates anew, and when it did."""
    failed_hops: dict[str, dict[TransferId, float]] = field(default_factory=dict)
    """By job the hops that failed in it, and until when it leaves them alone (monotonic seconds)."""


PUBLIC_ID = r"^[0-9A-Za-z-]{1,80}$"
"""What a number or id of ours looks like; anything else in its place is refused at the door and is never echoed or stored."""

RoutingTx: TypeAlias = Tx[Routing]
"""A transaction of routing-svc."""
