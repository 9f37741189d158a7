"""What credential-svc holds while it runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic_settings import SettingsConfigDict

from chassis.context import Context
from chassis.settings import ServiceSettings
from rules.catalogue import Catalogue

if TYPE_CHECKING:
    from credential_svc.credential.outside import Intake
    from credential_svc.seal.outside import SigningKey


class Settings(ServiceSettings):
    """Read once, from ``TONGBAN_CREDENTIAL_…``."""

    model_config = SettingsConfigDict(env_prefix="TONGBAN_CREDENTIAL_")
    NAME = "credential"

    intake_url: str
    """Where intake-svc answers, e.g. ``http://127.0.0.1:8102``; several addresses separated by commas."""
    public_url: str = "http://127.0.0.1:8080"
    """Where anybody reaches the gateway; stands in every printed code, so a real installation sets it before its first credential."""

    def status_list_url(self, list_id: int) -> str:
        """Where a status list is fetched."""
        return f"{self.public_url}/v1/status-lists/{list_id}"


@dataclass(kw_only=True)
class Credential(Context):
    """The service's own beside what the chassis gives."""

    settings: Settings
    intake: Intake
    """Where a holder's data is asked for."""
    catalogue: Catalogue = field(default_factory=Catalogue)
    """Organs and regions, followed."""
    signing_keys: dict[str, SigningKey] = field(default_factory=dict)
    """Keys in use, by owner; filled after they are committed."""
    sealing_asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set after a commit that wrote something to seal; wakes the job."""
    status_list: int = 0
    """The status list in which a place was given last; 0 until one was."""
