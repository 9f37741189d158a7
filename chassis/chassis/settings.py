"""Settings every service has; each reads its own from the environment, once, in ``create_app``.

A service makes a subclass with its ``NAME`` and its own prefix::

    class Settings(ServiceSettings):
        model_config = SettingsConfigDict(env_prefix="TONGBAN_INTAKE_")
        NAME = "intake"
"""

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url

from chassis.kafka_address import KafkaAddress, Mechanism

MAX_BODY = 12 * 1024 * 1024
"""Bytes a request body may have where a route does not say otherwise."""


class LogSettings(BaseSettings):
    """Where the event log is; what every process has, the gateway too."""

    bus: Literal["kafka", "postgres"] = "postgres"
    kafka_bootstrap: str = ""
    """``host:port[,host:port]``; needed when ``bus`` is ``kafka``."""
    kafka_user: str = ""
    """Whose rights this process has on topics; empty where Kafka asks nobody who he is."""
    kafka_password_file: Path | None = None
    """Needed with ``kafka_user``."""
    kafka_mechanism: Mechanism = "SCRAM-SHA-512"
    kafka_authority_file: Path | None = None
    """Certificates (PEM) that the brokers' come from; without it nothing is encrypted on the way."""
    log_url: str = Field(default="", repr=False)
    """``postgresql+asyncpg://…/tongban_log``; needed when ``bus`` is ``postgres``."""

    @property
    def kafka(self) -> KafkaAddress:
        """Where Kafka is and as whom we come; the password is read now.

        Raises:
            OSError: The file of the password cannot be read.
        """
        return KafkaAddress(
            bootstrap=self.kafka_bootstrap,
            user=self.kafka_user,
            password="" if self.kafka_password_file is None else _line_of(self.kafka_password_file),
            mechanism=self.kafka_mechanism,
            authority=self.kafka_authority_file,
        )

    @model_validator(mode="after")
    def _log_is_named(self) -> Self:
        if self.bus == "kafka" and not self.kafka_bootstrap:
            raise ValueError("bus kafka needs kafka_bootstrap")
        if bool(self.kafka_user) != (self.kafka_password_file is not None):
            raise ValueError("kafka_user and kafka_password_file come together")
        if self.bus == "postgres" and not self.log_url:
            raise ValueError("bus postgres needs log_url")
        return self


class ServiceSettings(LogSettings):
    """What the chassis must know to run one service; frozen after it was read."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="TONGBAN_", hide_input_in_errors=True)

    NAME: ClassVar[str]
    """The service in tokens, sources of events, metrics and logs, e.g. ``intake``."""

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    """0 takes a free one."""
    database_password_file: Path | None = None
    """File with the password that ``database_url`` leaves out, as secret stores give it."""
    database_url: str = Field(repr=False)
    """``postgresql+asyncpg://…`` of the service's own database; carries a password, so it is never shown."""
    topics_file: Path
    """The one list of topics."""
    development: bool = False
    """Opens what must never stand open elsewhere: the movable clock, crash points, the development issuer."""
    internal_jwks_file: Path
    """Public keys of those who may mint internal tokens; read again when a token names an unknown key."""
    internal_key_file: Path | None = None
    """The service's own signing key (JWK, 0600) for calls to other services."""
    wrapping_key_file: Path | None = None
    """File (0600) with the 32-byte wrapping key, base64url; locally in DATA."""
    wrapping_key: SecretStr | None = None
    """The same key by environment, where a secret store gives it."""
    crash_point: str = ""
    """``name[:nth]``: the process kills itself there; development only."""
    bus_unruly: Literal["", "twice", "shuffled"] = ""
    """What is wrong with the log, see `chassis.bus_unruly`; development only."""
    clock_behind: float = Field(default=0.0, ge=0, le=60)
    """Seconds by which this process's clock is late; development only."""
    migrate_on_start: bool = False
    relay_pause: float = Field(default=0.008, ge=0)
    """Seconds a woken relay waits so that more rows ride together."""
    consumer_pause: float = Field(default=0.008, ge=0)
    """Seconds between two batches of a consumer."""
    watermark_every: float = Field(default=5.0, gt=0)
    """Seconds."""
    sent_kept_days: int = Field(default=7, ge=1, le=90)
    """Days that what was sent can be sent again: longer than it may take to find out that the log lost it."""
    pool_size: int = Field(default=10, ge=1, le=100)
    """Connections for requests; consumers have a few of their own."""
    transaction_limit: float = Field(default=10.0, gt=0, le=10.0)
    """Seconds a transaction may live. Watermarks stand 15 s back because of it, so it can be lowered, never raised."""
    seen_wait: float = Field(default=1.0, gt=0, le=30.0)
    """Seconds that a request waits for what its sender has seen elsewhere."""
    lock_wait: float = Field(default=2.0, gt=0, le=10.0)
    """Seconds that a request waits for a lock, or for the first one with its Idempotency-Key, before it is told to come back."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    max_body: int = Field(default=MAX_BODY, gt=0)
    """Bytes."""

    @field_validator("database_url")
    @classmethod
    def _with_password(cls, url: str, info: ValidationInfo) -> str:
        file = info.data.get("database_password_file")
        return url if file is None else make_url(url).set(password=_line_of(file)).render_as_string(hide_password=False)

    @model_validator(mode="after")
    def _only_what_fits(self) -> Self:
        for name in ("crash_point", "bus_unruly", "clock_behind"):
            if getattr(self, name) and not self.development:
                raise ValueError(f"{name} needs the development setting")
        return self


def _line_of(file: Path) -> str:
    """The only line of a file; editors and secret stores differ about its end."""
    return file.read_text(encoding="utf-8").rstrip("\r\n")
