"""What a service holds while it runs, handed to every transaction.

A service adds its own in ``<svc>/context.py``::

    @dataclass(kw_only=True)
    class Routing(Context):
        catalogue: Catalogue = field(default_factory=Catalogue)
"""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chassis.now import Now
from chassis.settings import ServiceSettings

if TYPE_CHECKING:
    from chassis.bus import Bus
    from chassis.database import Database
    from chassis.metrics import Metrics
    from chassis.vault import Vault


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
    outbox_written: asyncio.Event = field(default_factory=asyncio.Event)
    """Set after a commit that wrote outbox rows; wakes the relay of this process."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the service is told to stop; open streams end on it."""

    @property
    def name(self) -> str:
        """The service's name, e.g. ``intake``."""
        return self.settings.NAME
