"""What a service holds while it runs, handed to every transaction.

A service adds its own in ``<svc>/context.py``::

    @dataclass(kw_only=True)
    class Listing(Context):
        index: Index = field(default_factory=Index)
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from chassis.now import Now
from chassis.settings import ServiceSettings
from contracts.events import Event

if TYPE_CHECKING:
    from chassis.bus import Bus
    from chassis.database import Database
    from chassis.follow import Follower
    from chassis.metrics import Metrics
    from chassis.vault import Vault

Handler: TypeAlias = Callable[..., Awaitable[None]]
"""What a service does when it hears an event: ``async def on_…(tx: Tx[C], event: E) -> None``."""

Subscriptions: TypeAlias = Mapping[type[Event], Handler]
"""The events a service hears, each with its one handler."""

Prepare: TypeAlias = Callable[[Any, Sequence[Event]], Awaitable[None]]
"""Has at hand what the handlers of a batch of events will ask for: ``async def prepare(tx: Tx[C], events: Sequence[Event]) -> None``."""


@dataclass(kw_only=True)
class Context:
    """One running service: its settings, its database, its clock and what it keeps in memory."""

    settings: ServiceSettings
    database: "Database"
    now: Now
    metrics: "Metrics"
    bus: "Bus"
    vault: "Vault"
    """Sealed personal data, keyed hashes and what signs cursors."""
    hears: frozenset[str] = frozenset()
    """Services whose events this one subscribes to; of any other it can never be behind."""
    awaited: frozenset[str] | None = None
    """Topics whose positions a write shows in ``Tongban-Seen``: those that every service which hears this one reads; None for all."""
    subscriptions: Subscriptions = field(default_factory=dict)
    """What this service hears; a parked event is replayed by them too."""
    outbox_written: asyncio.Event = field(default_factory=asyncio.Event)
    """Set after a commit that wrote outbox rows; wakes the relay of this process."""
    held: frozenset[str] = frozenset()
    """Keys on which nothing may be written until a person has settled what a backup does not know of them."""
    positions: dict[tuple[str, str], int] = field(default_factory=dict)
    """Highest outbox position that this process has heard lately, by service and key; `chassis.seen` alone looks in."""
    gathered: dict[object, Any] = field(default_factory=dict)
    """Requests that wait to be written together; `chassis.gathering` alone looks in."""
    follower: "Follower | None" = None
    """What this process has taken into memory of the topics that the service follows; None for a service that follows none."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the service is told to stop; open streams end on it."""

    @property
    def name(self) -> str:
        """The service's name, e.g. ``intake``."""
        return self.settings.NAME
