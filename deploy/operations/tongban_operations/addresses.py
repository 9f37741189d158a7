"""Where engines are and as whom we come, from the services' own environment: so that no password stands in a command line."""

import os
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from tongban_operations.terminal import Unable


def database(service: str) -> str:
    """Where the database is, in libpq's words, with the password that a secret store gives beside the address."""
    url, password_file = setting(service, "database_url"), setting(service, "database_password_file", otherwise="")
    parts = urlsplit(url.replace("postgresql+asyncpg://", "postgresql://", 1))
    # What the services' driver calls ssl.
    parts = parts._replace(
        query=urlencode([("sslmode" if name == "ssl" else name, value) for name, value in parse_qsl(parts.query)], safe="/")
    )
    if not password_file:
        return parts.geturl()
    password = quote(_line_of(password_file), safe="")
    return parts._replace(netloc=f"{quote(parts.username or '', safe='')}:{password}@{parts.netloc.rpartition('@')[2]}").geturl()


def kafka() -> dict[str, Any]:
    """As whom this process comes to Kafka, in aiokafka's keywords."""
    user, authority = setting("routing", "kafka_user", otherwise=""), setting("routing", "kafka_authority_file", otherwise="")
    options: dict[str, Any] = {"security_protocol": ("SASL_" if user else "") + ("SSL" if authority else "PLAINTEXT")}
    if authority:
        options["ssl_context"] = ssl.create_default_context(cafile=authority)
    if user:
        mechanism = setting("routing", "kafka_mechanism", otherwise="SCRAM-SHA-512")
        password = _line_of(setting("routing", "kafka_password_file"))
        options |= {"sasl_mechanism": mechanism, "sasl_plain_username": user, "sasl_plain_password": password}
    return options


def _line_of(file: str) -> str:
    return Path(file).read_text(encoding="utf-8").strip()


def setting(service: str, name: str, *, otherwise: str | None = None) -> str:
    """One setting of a service, as the service itself reads it.

    Raises:
        Unable: It is not set, and there is nothing ``otherwise``.
    """
    variable = f"TONGBAN_{service}_{name}".upper()
    found = os.environ.get(variable, otherwise)
    if found is None:
        raise Unable(f"请设置 / set {variable}")
    return found
