"""Settings of the gateway; it has no database."""

from pathlib import Path
from typing import ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from chassis.settings import LogSettings

MAX_BODY = 21 * 1024 * 1024
"""Bytes; the largest upload and its envelope."""

LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Settings(LogSettings):
    """What the gateway must know; read once, in ``create_app``."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="TONGBAN_GATEWAY_", hide_input_in_errors=True)

    NAME: ClassVar[str] = "gateway"

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str = ""
    """How people reach it, without a slash at the end; made from host and port when empty."""
    catalog_url: str
    """``http://host:port`` of the service, without a path; of several processes each, separated by commas."""
    intake_url: str
    routing_url: str
    credential_url: str
    topics_file: Path
    internal_key_file: Path
    """JWK (0600) whose id begins with ``gateway.``; mints the internal tokens."""
    oidc_issuer: str = ""
    """Issuer of people's tokens; not looked at where ``people_file`` makes the development issuer."""
    oidc_audience: str = "tongban"
    development: bool = False
    people_file: Path | None = None
    """People of the development issuer, YAML; needs ``development``."""
    dev_key_file: Path | None = None
    """JWK (0600) of the development issuer, made when it is not there; without it tokens end with the process."""
    connect_timeout: float = Field(default=2.0, gt=0)
    """Seconds to reach a service."""
    answer_timeout: float = Field(default=30.0, gt=0)
    """Seconds for a whole answer of a service; a stream of events has no such bound."""
    part_timeout: float = Field(default=2.0, gt=0)
    """Seconds for one part of a view; a later one is shown as unavailable."""
    clock_timeout: float = Field(default=10.0, gt=0)
    """Seconds until every service has heard of a moved development clock."""
    max_body: int = Field(default=MAX_BODY, gt=0)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def address(self) -> str:
        """How people reach it: scheme, host and port."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def services(self) -> dict[str, list[str]]:
        """Addresses of each service."""
        told = {"catalog": self.catalog_url, "intake": self.intake_url, "routing": self.routing_url, "credential": self.credential_url}
        return {name: [url.strip() for url in urls.split(",") if url.strip()] for name, urls in told.items()}

    @model_validator(mode="after")
    def _only_what_fits(self) -> Self:
        if self.development and self.host not in LOOPBACK:
            raise ValueError("the development setting is for loopback only")
        if not all(self.services.values()):
            raise ValueError("every service needs an address")
        if self.people_file is not None and not self.development:
            raise ValueError("people_file, the development issuer, needs the development setting")
        if self.people_file is None and not self.oidc_issuer:
            raise ValueError("oidc_issuer is needed; or, in development, people_file")
        if self.people_file is None and urlsplit(self.oidc_issuer).scheme != "https" and not self.development:
            raise ValueError("oidc_issuer must be an https address")
        return self
