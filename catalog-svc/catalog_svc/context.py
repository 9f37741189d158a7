"""What the catalogue holds while it runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from pydantic_settings import SettingsConfigDict

from catalog_svc.route.domain import RouteSigning
from catalog_svc.search.domain import Allowance, Searching
from chassis.context import Context
from chassis.settings import ServiceSettings
from rules.catalogue import Catalogue


class Settings(ServiceSettings):
    """Read once, from ``TONGBAN_CATALOG_…``."""

    model_config = SettingsConfigDict(env_prefix="TONGBAN_CATALOG_")
    NAME = "catalog"

    seed: bool = False
    """Bring the seed in at the start, unless just this seed was brought in before."""


@dataclass(kw_only=True)
class Catalog(Context):
    """The catalogue's own: the index it builds from its own topics like everybody else, its route key, its search index."""

    settings: Settings
    catalogue: Catalogue = field(default_factory=Catalogue)
    """Answers ``GET /routes``; what is authored is read from the tables, which are never behind."""
    route_signer: RouteSigning | None = None
    """Opened when the service starts."""
    bulk_waiting: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a step of an import has something to do; wakes the job of this process."""
    bulk_files_waiting: asyncio.Event = field(default_factory=asyncio.Event)
    """The same for a file that is to be read or written."""
    search_index: Searching | None = None
    """Built by the first search, and again when a base item or an everyday word has changed."""
    indexing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a search builds the index."""
    misses: Allowance = field(default_factory=Allowance)
    """How many searches in vain may still be written down."""
