"""Where Kafka is, as whom a process comes there, and whose word it takes that it is Kafka."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Mechanism = Literal["SCRAM-SHA-512", "PLAIN"]
"""How the password is shown: SCRAM proves it, PLAIN sends it and is for networks nobody else is on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaAddress:
    """What a client must know to be let in."""

    bootstrap: str
    """``host:port[,host:port]``."""
    user: str = ""
    """Empty where Kafka asks nobody who he is."""
    password: str = field(default="", repr=False)
    mechanism: Mechanism = "SCRAM-SHA-512"
    authority: Path | None = None
    """Certificates (PEM) that the brokers' must come from; without it connections are not encrypted."""

    def options(self) -> dict[str, Any]:
        """The part of aiokafka's keywords that its producer, its consumer and its administrator share.

        Raises:
            OSError: The file of the authority cannot be read.
        """
        options: dict[str, Any] = {"bootstrap_servers": self.bootstrap}
        if self.authority is not None:
            options["ssl_context"] = ssl.create_default_context(cafile=self.authority)
        if self.user:
            options |= {"sasl_mechanism": self.mechanism, "sasl_plain_username": self.user, "sasl_plain_password": self.password}
        options["security_protocol"] = ("SASL_" if self.user else "") + ("SSL" if self.authority else "PLAINTEXT")
        return options
