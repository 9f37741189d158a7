"""Settings of the gateway; it has no database."""

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MAX_BODY = 21 * 1024 * 1024
"""Bytes; the largest upload and its envelope."""

LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Settings(BaseSettings):
    """What the gateway must know; read once, in ``create_app``."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="TONGBAN_GATEWAY_", hide_input_in_errors=True)

    NAME: ClassVar[str] = "gateway"

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str = ""
    """How people reach it, without a slash at the end; made from host and port when empty."""
    catalog_url: str
    """``http://host:port`` of the service, without a path."""
    intake_url: str
    routing_url: str
    credential_url: str
    bus: Literal["kafka", "postgres"] = "postgres"
    kafka_bootstrap: str = ""
    log_url: str = Field(default="", repr=False)
    topics_file: Path
    internal_key_file: Path
    """JWK (0600) whose id begins with ``gateway.``; mints the internal tokens."""
    oidc_issuer: str = ""
    """Issuer of people's tokens; the development issuer when empty and ``development`` is set."""
    oidc_audience: str = "tongban"
    development: bool = False
    people_file: Path | None = None
    """People of the development issuer, YAML."""
    max_body: int = Field(default=MAX_BODY, gt=0)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @model_validator(mode="after")
    def _only_what_fits(self) -> Self:
        if self.development and self.host not in LOOPBACK:
            raise ValueError("the development setting is for loopback only")
        if not self.development and not self.oidc_issuer:
            raise ValueError("oidc_issuer is needed outside development")
        if self.bus == "kafka" and not self.kafka_bootstrap:
            raise ValueError("bus kafka needs kafka_bootstrap")
        if self.bus == "postgres" and not self.log_url:
            raise ValueError("bus postgres needs log_url")
        return self
