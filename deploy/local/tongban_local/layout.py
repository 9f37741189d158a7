"""Where everything of a local system lies and what each service is told: folder, keys, ports, databases, environment.

`make run` hands the same values to five servers in one process that `make run-full` gives to five processes, so there is
one description of a system and no second set of settings.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from chassis.identity import SigningKey
from contracts.codec import encode_object
from contracts.documents import Account
from gateway.development.issuer import DEV_ISSUER
from tongban_local.ports import free_ports
from tongban_local.postgres import PostgresServer

ROOT = Path(__file__).parents[3]
TOPICS = ROOT / "deploy/topics.yaml"
PEOPLE = ROOT / "deploy/local/people.yaml"

SERVICES = ("catalog", "intake", "routing", "credential")
ALL = (*SERVICES, "gateway")
MACHINE = Account(
    client_id="tonggu-system",
    name="铜鼓县政务服务系统",
    region="360926",
    organ="11360926TB0000028M",
    roles=("partner",),
    active=True,
)
"""A partner county's system, for the demo and the journeys."""

CALLING = ("gateway", "credential", "routing", "intake", "catalog")
"""Who holds a key of its own for internal tokens."""

REQUEST_CONNECTIONS = {"catalog": 4, "intake": 10, "routing": 10, "credential": 4}
"""Database connections for requests that the processes of a service share. With the consumers' and the lock holders' they stay below 80
in all, also with two processes of each: PostgreSQL takes 100, and every one of them is memory."""

FEWEST_CONNECTIONS = 2
"""For the requests of one process: one that waits for a lock must not keep the others out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One local system."""

    data: Path
    ports: dict[str, tuple[int, ...]]
    """By service, one for each of its processes."""
    database_urls: dict[str, str]
    log_url: str
    kafka_bootstrap: str
    """Empty: the PostgreSQL log."""

    @property
    def url(self) -> str:
        """The gateway's address."""
        return self.service_url("gateway")

    def service_url(self, name: str, *, process: int = 0) -> str:
        """Address of one service on loopback; of several processes the one with this number, counted from 0 and round again."""
        ports = self.ports[name]
        return f"http://127.0.0.1:{ports[process % len(ports)]}"

    def service_urls(self, name: str, *, first: int = 0) -> str:
        """Addresses of all processes of a service, separated by commas, as those who ask it are told."""
        return ",".join(self.service_url(name, process=first + each) for each in range(len(self.ports[name])))

    def environment(self, name: str, *, process: int = 0) -> dict[str, str]:
        """What one process of a service reads from its environment."""
        keys = self.data / "keys"
        told = {
            "host": "127.0.0.1",
            "port": str(self.ports[name][process]),
            "bus": "kafka" if self.kafka_bootstrap else "postgres",
            "kafka_bootstrap": self.kafka_bootstrap,
            "log_url": self.log_url,
            "topics_file": str(TOPICS),
            "development": "true",
            "internal_key_file": str(keys / f"{name}.json"),
            "internal_jwks_file": str(keys / "internal-jwks.json"),
            "wrapping_key_file": str(keys / f"{name}.wrapping-key"),
            "staff_issuer": DEV_ISSUER,
            "public_url": self.url,
            "people_file": str(PEOPLE),
            "dev_key_file": str(keys / "dev-issuer.json"),
            "watermark_every": "1",
            "migrate_on_start": "true",
            "seed": "true",
            "machines_file": str(keys / "machines.json"),
        }
        # Whoever asks knows all; where several ask, each begins with a process of its own.
        told |= {f"{each}_url": self.service_urls(each, first=process) for each in SERVICES}
        if name in self.database_urls:
            told["database_url"] = self.database_urls[name]
            told["pool_size"] = str(max(FEWEST_CONNECTIONS, REQUEST_CONNECTIONS[name] // len(self.ports[name])))
        return {f"TONGBAN_{name.upper()}_{setting.upper()}": value for setting, value in told.items()}


def make_keys(data: Path) -> None:
    """Make the keys a system needs, once; private files are 0600 in a 0700 folder."""
    keys = data / "keys"
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    public = []
    for name in CALLING:
        file = keys / f"{name}.json"
        if not file.exists():
            _write_private(file, json.dumps(SigningKey.make(name).private))
        public.append(SigningKey.load(file).public)
    for name in SERVICES:
        file = keys / f"{name}.wrapping-key"
        if not file.exists():
            _write_private(file, base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    _make_machine(keys)
    (keys / "internal-jwks.json").write_text(json.dumps({"keys": public}), encoding="utf-8")


def _make_machine(keys: Path) -> None:
    """A key for the system of 铜鼓, as a partner would make it: the private half stays with its holder."""
    private = keys / f"{MACHINE.client_id}.pem"
    if not private.exists():
        made = Ed25519PrivateKey.generate()
        _write_private(private, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
    key = load_pem_private_key(private.read_bytes(), password=None)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    listed = [{"account": encode_object(MACHINE), "public_key": public}]
    (keys / "machines.json").write_text(json.dumps(listed, ensure_ascii=False), encoding="utf-8")


def _write_private(file: Path, text: str) -> None:
    temporary = file.with_suffix(file.suffix + ".new")
    temporary.touch(mode=0o600)
    temporary.write_text(text, encoding="utf-8")
    temporary.rename(file)


def lay_out(
    *,
    data: Path,
    postgres: PostgresServer,
    kafka_bootstrap: str = "",
    port: int | None = None,
    prefix: str = "tongban",
    processes: Mapping[str, int] | None = None,
) -> Layout:
    """Make keys and databases and choose ports.

    Args:
        data: Folder of the system; kept between runs.
        postgres: A running server.
        kafka_bootstrap: A running Kafka, or empty for the PostgreSQL log.
        port: The gateway's port; a free one when ``None``.
        prefix: Begins the names of the databases.
        processes: How many of a service where not one. Several gateways have an address each, and who calls must know them all.
    """
    make_keys(data)
    for name in (*SERVICES, *(() if kafka_bootstrap else ("log",))):
        postgres.create_database(f"{prefix}_{name}")
    counts = {name: (processes or {}).get(name, 1) for name in ALL}
    free = iter(free_ports(sum(counts.values())))
    ports = {name: tuple(islice(free, count)) for name, count in counts.items()}
    if port is not None:
        ports["gateway"] = (port, *ports["gateway"][1:])
    return Layout(
        data=data,
        ports=ports,
        database_urls={name: postgres.url(f"{prefix}_{name}") for name in SERVICES},
        log_url="" if kafka_bootstrap else postgres.url(f"{prefix}_log"),
        kafka_bootstrap=kafka_bootstrap,
    )
