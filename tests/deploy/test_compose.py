"""The compose file: what the linter says, and the whole system it describes, run without a container engine."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chassis.bus import BusTrouble
from chassis.bus_kafka import KafkaBus
from chassis.kafka_address import KafkaAddress
from chassis.topics import load
from contracts.envelope import Record
from tests.deploy.composition import Composition, NotSet
from tests.deploy.outside import SERVING, Outside
from tests.deploy.tools import dclint
from tests.support.line import act, closed, delivered, receive, sealed, sign, until
from tongban_local.visitor import Visitor
from tongban_operations import rights
from tongban_operations.checker.log import open_log

pytestmark = pytest.mark.timeout(1200)

SET = {"TONGBAN_OIDC_ISSUER": "https://id.example", "TONGBAN_PUBLIC_URL": "https://tongban.example"}


@pytest.fixture
def composition(project: Path) -> Composition:
    return Composition(project / "deploy" / "compose.yaml", SET)


def address_as(user: str, outside: Outside) -> KafkaAddress:
    """Kafka as this user, with the password that was made for it."""
    password = outside.composition.secret("kafka-users").with_name(f"{user}-kafka-password").read_text()
    return KafkaAddress(bootstrap=outside.here("kafka-1:9092"), user=user, password=password, mechanism="PLAIN")


@asynccontextmanager
async def kafka_as(user: str, outside: Outside) -> AsyncIterator[KafkaBus]:
    """Its bus, as a service has one."""
    bus = KafkaBus(address_as(user, outside))
    try:
        await bus.start()
        yield bus
    finally:
        await bus.stop()


async def test_a_case_is_received_decided_and_handed_out_on_the_system_of_the_file(outside: Outside) -> None:
    people = [await Visitor.sign_in(name, url=outside.url) for name in ("tonggu-clerk", "liuyang-reviewer", "liuyang-approver")]
    clerk, reviewer, approver = people

    no = await receive(clerk, seed=7)
    await sign(reviewer, no)
    await act(reviewer, no, "acceptance")
    await sealed(reviewer, no)
    await act(approver, no, "decision", {"outcome": "granted"})
    await delivered(clerk, no)
    case = await closed(clerk, no)

    assert case["state"] == "closed"
    assert all(outside.healthy(name) for name in SERVING)
    for visitor in people:
        await visitor.close()

    async def proved() -> bool:
        return (await asyncio.to_thread(outside.run, "check")).returncode == 0

    # What follows from the hand-out is still on its way.
    await until("the proof finds nothing", proved)
    traced = outside.run("check", "tongban_operations", "trace", no)
    assert traced.returncode == 0, traced.stderr
    assert "case.closed" in traced.stdout
    assert "seal" in traced.stdout


async def test_each_service_has_exactly_the_rights_it_needs(outside: Outside, project: Path) -> None:
    """What was written is read from the topics, what is heard and followed from the services' own tables."""
    wrote: dict[str, set[str]] = {name: set() for name in SERVING}
    async with kafka_as("operator", outside) as bus:
        for topic in load(project / "deploy" / "topics.yaml"):
            following = await bus.follow(topic.name)
            while any(following.offsets[place] < end for place, end in following.ends.items()):
                for record in await following.batch():
                    source = dict(record.headers)["ce_source"].decode()
                    wrote[source.split("/")[1]].add(topic.name)
            await following.close()

    listed = {each.user: each for each in rights.load(project / "deploy" / "rights.yaml") if each.user in SERVING}
    followed = {
        name: set(outside.postgres.query("select distinct topic from follow_offsets", database=f"tongban_{name}").split())
        for name in SERVING[:-1]
    }

    assert {name: set(each.writes) for name, each in listed.items()} == wrote
    assert {name: set(each.follows) for name, each in listed.items() if name != "gateway"} == followed


async def test_kafka_refuses_whom_the_list_does_not_name(outside: Outside) -> None:
    record = Record(key="k", value=b"{}", headers=())
    async with kafka_as("gateway", outside) as bus, kafka_as("operator", outside) as all_mighty:
        assert await all_mighty.partitions("case.events.v1") == 6
        with pytest.raises(BusTrouble):
            await bus.append("case.events.v1", 0, [record])
        with pytest.raises(BusTrouble):
            await bus.append("access.rules.v1", 0, [record])


async def test_who_proves_reads_every_topic_and_has_not_even_a_writer(outside: Outside, project: Path) -> None:
    options = address_as("checker", outside).options()
    listed = [topic.name for topic in load(project / "deploy" / "topics.yaml")]

    async with open_log(bootstrap=options.pop("bootstrap_servers"), log=None, kafka=options) as reader:
        read = {name: [record for partition in await reader.partitions(name) async for record in reader.read(partition)] for name in listed}

    assert {name for name, records in read.items() if not records} <= {"work.events.v1"}
    with pytest.raises(BusTrouble):
        async with kafka_as("checker", outside):
            pass


def test_who_proves_reads_every_database_and_writes_none(outside: Outside) -> None:
    password = Path(outside.environment("check")["TONGBAN_ROUTING_DATABASE_PASSWORD_FILE"]).read_text()
    target = ["-h", "127.0.0.1", "-p", str(outside.postgres.port), "-U", "tongban_checker"]

    def ask(service: str, statement: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [outside.postgres.binaries.program("psql"), "-X", "-qAt", *target, "-d", f"tongban_{service}", "-c", statement],
            env={"PGPASSWORD": password},
            check=False,
            capture_output=True,
            text=True,
        )

    assert {service: ask(service, "select count(*) >= 0 from outbox").stdout for service in SERVING[:-1]} == dict.fromkeys(
        SERVING[:-1], "t\n"
    )
    refused = ask("intake", "set default_transaction_read_only = off; begin read write; delete from outbox")
    assert "permission denied for table outbox" in refused.stderr


def test_no_service_opens_the_database_of_another(outside: Outside) -> None:
    environment = outside.environment("intake")
    password = Path(environment["TONGBAN_INTAKE_DATABASE_PASSWORD_FILE"]).read_text()
    target = ["-h", "127.0.0.1", "-p", str(outside.postgres.port), "-U", "tongban_intake"]

    asked = {
        name: subprocess.run(
            [outside.postgres.binaries.program("psql"), "-X", "-qAt", *target, "-d", f"tongban_{name}", "-c", "select 1"],
            env={"PGPASSWORD": password},
            check=False,
            capture_output=True,
            text=True,
        )
        for name in SERVING[:-1]
    }

    assert {name for name, done in asked.items() if done.returncode == 0} == {"intake"}
    assert "permission denied for database" in asked["routing"].stderr


def test_nothing_is_started_without_what_must_be_set(project: Path) -> None:
    with pytest.raises(NotSet, match="TONGBAN_"):
        _ = Composition(project / "deploy" / "compose.yaml", {}).services


def test_only_the_gateway_is_reached_from_outside_and_only_from_this_host(composition: Composition) -> None:
    ports = {name: each["ports"] for name, each in composition.services.items() if "ports" in each}

    assert ports == {"gateway": ["127.0.0.1:8080:8080"]}
    assert [name for name, each in composition.services.items() if "front" in each["networks"]] == ["gateway"]


def test_our_containers_may_write_nowhere_and_gain_nothing(composition: Composition) -> None:
    for name in (*SERVING, *composition.jobs, *composition.commands):
        each = composition.services[name]
        assert each["read_only"], name
        assert each["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in each["security_opt"], name


def test_every_secret_is_one_that_the_first_command_makes(composition: Composition, secrets: Path) -> None:
    wanted = {Path(each["file"]).name for each in composition.content["secrets"].values()}
    used = {name for each in composition.services.values() for name in each.get("secrets", [])}

    assert wanted <= {file.name for file in secrets.iterdir()}
    assert used == composition.content["secrets"].keys()


def test_the_linter_finds_nothing(project: Path) -> None:
    done = subprocess.run(
        [dclint(project), "--max-warnings", "0", "deploy/compose.yaml"], cwd=project, check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout
