"""What the manifests ask of connections: engines that prove who they are, and a password that is proved, not sent."""

import asyncio
import datetime as dt
import ipaddress
import signal
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from chassis.bus import BusTrouble
from chassis.bus_kafka import KafkaBus
from chassis.kafka_address import KafkaAddress
from chassis.topics import Topic
from contracts.envelope import Record
from tests.deploy.brokers import wait_for
from tongban_local.jars import install
from tongban_local.ports import LOOPBACK, free_ports
from tongban_local.processes import EngineProcess, last_lines

PASSWORD = "a-password-of-a-test"  # noqa: S105 - of a broker that lives as long as this test


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Makes certificates for loopback."""

    folder: Path
    key: ec.EllipticCurvePrivateKey

    @property
    def file(self) -> Path:
        """Its own certificate."""
        return self.folder / "authority.crt"

    def certificate(self, *, key: ec.EllipticCurvePrivateKey, own: bool = False) -> bytes:
        """One for this key: the authority's own, or a server's on loopback."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tongban test authority")])
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .issuer_name(name)
            .subject_name(name if own else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, LOOPBACK)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=own, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if own:
            usage = {name: name == "key_cert_sign" for name in _USES}
            builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
        else:
            place = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))])
            builder = builder.add_extension(place, critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)


_USES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def make_authority(folder: Path) -> Authority:
    made = Authority(folder=folder, key=ec.generate_private_key(ec.SECP256R1()))
    made.file.write_bytes(made.certificate(key=made.key, own=True))
    return made


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another authority, whose word counts for nothing here."""
    return make_authority(tmp_path_factory.mktemp("stranger"))


async def knock(authority: Authority, *, at: Path, key: ec.EllipticCurvePrivateKey) -> list[str]:
    """Reach for a database that has a certificate of ``authority``, as the manifests say; how the encryption went, seen from its side.

    The PostgreSQL of the wheel knows no TLS, so its first steps are made here: asked for encryption it says yes and shakes hands.
    """
    (at / "server.pem").write_bytes(private_pem(key) + authority.certificate(key=key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(at / "server.pem")
    went: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readexactly(8))[4:] == b"\x04\xd2\x16\x2f", "the request for encryption"
        writer.write(b"S")
        await writer.drain()
        try:
            await writer.start_tls(context)
            await reader.readexactly(8)
            went.append("asked for a database")
        except (OSError, EOFError) as error:
            went.append(type(error).__name__)
        writer.close()

    server = await asyncio.start_server(answer, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    engine = create_async_engine(f"postgresql+asyncpg://tongban_intake@{LOOPBACK}:{port}/tongban_intake?ssl=verify-full")
    try:
        with pytest.raises((OSError, DBAPIError)):
            async with engine.connect():
                pass
    finally:
        await engine.dispose()
        server.close()
    return went


async def test_a_database_is_asked_who_it_is(
    authority: Authority, stranger: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(authority.file))
    key = ec.generate_private_key(ec.SECP256R1())

    known = await knock(authority, at=tmp_path, key=key)
    unknown = await knock(stranger, at=tmp_path, key=key)

    assert known == ["asked for a database"]
    assert unknown != ["asked for a database"]


@pytest.fixture(scope="module")
def encrypted_kafka(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One broker whose only door for clients is TLS with SCRAM-SHA-512, as Strimzi makes them; its address."""
    folder = tmp_path_factory.mktemp("kafka")
    clients, controllers, brokers = free_ports(3)
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "keystore.pem").write_bytes(private_pem(key) + authority.certificate(key=key))
    (folder / "server.properties").write_text(
        f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{LOOPBACK}:{controllers}
listeners=CLIENTS://{LOOPBACK}:{clients},CONTROLLERS://{LOOPBACK}:{controllers},BROKERS://{LOOPBACK}:{brokers}
listener.security.protocol.map=CLIENTS:SASL_SSL,CONTROLLERS:PLAINTEXT,BROKERS:PLAINTEXT
controller.listener.names=CONTROLLERS
inter.broker.listener.name=BROKERS
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.clients.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.clients.ssl.keystore.type=PEM
listener.name.clients.ssl.keystore.location={folder / "keystore.pem"}
offsets.topic.replication.factor=1
log.dirs={folder / "records"}
"""
    )
    java = install()
    scram = f"SCRAM-SHA-512=[name=tongban-intake,password={PASSWORD}]"
    made = subprocess.run(
        java.command(
            "kafka.tools.StorageTool",
            *("format", "-t", "dG9uZ2Jhbi1rYWZrYS0wMg", "-c", folder / "server.properties", "--add-scram", scram),
        ),
        check=False,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    process = EngineProcess.start(java.command("kafka.Kafka", folder / "server.properties"), folder=folder, log=folder / "log")
    wait_for("the broker", holds=lambda: "Kafka Server started" in (folder / "log").read_text(), why=lambda: last_lines(folder / "log"))
    yield f"{LOOPBACK}:{clients}"
    process.end(signal.SIGKILL, seconds=10)


async def test_kafka_is_asked_who_it_is_and_proved_who_comes(encrypted_kafka: str, authority: Authority, stranger: Authority) -> None:
    known = KafkaAddress(bootstrap=encrypted_kafka, user="tongban-intake", password=PASSWORD, authority=authority.file)
    wrong = [
        KafkaAddress(bootstrap=encrypted_kafka, user="tongban-intake", password="another", authority=authority.file),  # noqa: S106 - wrong
        KafkaAddress(bootstrap=encrypted_kafka, user="tongban-intake", password=PASSWORD, authority=stranger.file),
        KafkaAddress(bootstrap=encrypted_kafka, authority=authority.file),
    ]
    bus = KafkaBus(known)
    await bus.start()
    await bus.create([Topic(name="case.events.v1", partitions=1)])
    await bus.append("case.events.v1", 0, [Record(key="k", value=b"{}", headers=())])
    following = await bus.follow("case.events.v1")

    read = await following.batch(wait=5)
    while not read:
        read = await following.batch(wait=5)

    assert [record.key for record in read] == ["k"]
    await following.close()
    await bus.stop()
    for address in wrong:
        refused = KafkaBus(address)
        with pytest.raises(BusTrouble):
            await refused.start()
        await refused.stop()
