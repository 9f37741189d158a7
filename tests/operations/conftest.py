"""A system of its own for what operators do to one: its databases go back to what they were."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from chassis import topics
from chassis.bus import Offsets
from chassis.bus_kafka import KafkaBus
from chassis.kafka_address import KafkaAddress
from contracts.envelope import Envelope, Record, from_record, to_record
from tests.support.lives import PEOPLE
from tongban_local.kafka import KafkaServer
from tongban_local.layout import ROOT, lay_out
from tongban_local.postgres import PostgresServer
from tongban_local.system import System
from tongban_local.visitor import Visitor
from tongban_operations.checker import Report, check

PREFIX = "operated"
TOPICS = topics.load(ROOT / "deploy" / "topics.yaml")


@dataclass(slots=True)
class Operated:
    """A whole system, its engines, and the operator's command line."""

    system: System
    postgres: PostgresServer
    kafka: KafkaServer

    def empty_the_log(self) -> None:
        """Lose everything that Kafka had, and give it back empty at the same address."""
        port = int(self.kafka.bootstrap.rpartition(":")[2])
        data = self.kafka.data
        self.kafka.kill()
        self.kafka.stop()
        shutil.rmtree(data)
        self.kafka = KafkaServer.start(data=data, port=port)

    def back_up(self, service: str, *, to: Path) -> None:
        """Dump a service's database as it stands, while everybody goes on."""
        self._postgres_program("pg_dump", "--format=custom", f"--file={to}", self._address(service))

    def bring_back(self, service: str, *, backup: Path) -> None:
        """Put a database back to what its backup says; whatever came after is gone."""
        name = f"{PREFIX}_{service}"
        self.postgres.drop_database(name)
        self.postgres.create_database(name)
        self._postgres_program("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={self._address(service)}", str(backup))

    def query(self, statement: str, *, service: str) -> list[str]:
        """Rows of a service's database, each as a line."""
        return self.postgres.query(statement, database=f"{PREFIX}_{service}").splitlines()

    def case_ids(self, numbers: Sequence[str]) -> set[str]:
        """Ids of cases by their numbers."""
        listed = ", ".join(f"'{no}'" for no in numbers)
        return set(self.query(f"select case_id from cases where case_no in ({listed})", service="intake"))  # noqa: S608 - our own numbers

    async def ends(self) -> Offsets:
        """Where the topics of events end."""
        async with self._log() as bus:
            return await bus.ends([topic.name for topic in TOPICS if not topic.compacted])

    async def delete_topics(self) -> None:
        """Lose every topic, with what groups committed of it, while the broker goes on."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        await admin.delete_topics([topic.name for topic in TOPICS])
        await admin.close()

    async def outgrow(self, ends: Offsets) -> None:
        """Fill topics that were made again past where they ended before, with what nobody acts on."""
        async with self._log() as bus:
            now = await bus.ends({topic for topic, _ in ends})
            for place, end in ends.items():
                await bus.append(*place, [_nothing_to_do(number) for number in range(max(end + 1 - now[place], 0))])

    @contextlib.asynccontextmanager
    async def _log(self) -> AsyncIterator[KafkaBus]:
        bus = KafkaBus(KafkaAddress(bootstrap=self.kafka.bootstrap))
        await bus.start()
        try:
            yield bus
        finally:
            await bus.stop()

    async def events(self, topic: str) -> list[Envelope]:
        """Everything that stands on a topic."""
        async with self._log() as bus:
            following = await bus.follow(topic)
            found: list[Envelope] = []
            while any(following.offsets[place] < end for place, end in following.ends.items()):
                found += [from_record(key=each.key, value=each.value, headers=each.headers) for each in await following.batch()]
            await following.close()
        return found

    async def proof(self, *, parked: Collection[str] = ()) -> Report:
        """What ``tongban check`` finds of the system at rest; ``parked`` are ids or keys of what is put aside on purpose."""
        databases = self.system.layout.database_urls
        return await check(databases=databases, bootstrap=self.kafka.bootstrap, log=None, journal=None, parked=parked)

    def _address(self, service: str) -> str:
        return self.postgres.url(f"{PREFIX}_{service}").replace("+asyncpg", "")

    def _postgres_program(self, name: str, *words: str) -> None:
        subprocess.run([self.postgres.binaries.program(name), *words], check=True)

    async def tongban(self, *words: str, service: str) -> tuple[int, str]:
        """Run ``tongban …`` with a service's environment; its exit code and what it printed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tongban_operations",
            *words,
            env=os.environ | self.system.layout.environment(service),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await process.communicate()
        return process.returncode or 0, printed.decode()


def _nothing_to_do(number: int) -> Record:
    """An event of a kind that no service hears."""
    at = datetime.now(UTC)
    return to_record(
        Envelope(
            id=f"drill-{uuid.uuid4()}",
            type="tongban.drill.filled.v1",
            source="/drill/",
            subject="drill",
            time=at,
            key="drill",
            sequence=number + 1,
            position=0,
            data={"at": at.isoformat()},
        )
    )


@pytest.fixture(scope="package")
def operated(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer) -> Iterator[Operated]:
    """A running system that nobody else uses."""
    data: Path = tmp_path_factory.mktemp("operated")
    kafka = KafkaServer.start(data=data / "kafka")
    made = Operated(System(lay_out(data=data, postgres=postgres, kafka_bootstrap=kafka.bootstrap, prefix=PREFIX)), postgres, kafka)
    try:
        made.system.start()
        yield made
    finally:
        made.system.stop()
        made.kafka.remove()
        for name in made.system.layout.database_urls:
            postgres.drop_database(f"{PREFIX}_{name}")


@pytest.fixture
async def people(operated: Operated) -> AsyncIterator[dict[str, Visitor]]:
    """Everybody a case meets in its life."""
    signed_in = {who: await Visitor.sign_in(who, url=operated.system.layout.url) for who in PEOPLE}
    yield signed_in
    for visitor in signed_in.values():
        await visitor.close()
