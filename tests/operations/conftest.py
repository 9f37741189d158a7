"""A system of its own for what operators do to one: its databases go back to what they were."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from chassis.bus_kafka import KafkaBus
from chassis.kafka_address import KafkaAddress
from contracts.envelope import Envelope, from_record
from tests.support.lives import PEOPLE
from tongban_local.kafka import KafkaServer
from tongban_local.layout import ROOT, lay_out
from tongban_local.postgres import PostgresServer
from tongban_local.system import System
from tongban_local.visitor import Visitor
from tongban_operations.checker import Report, check

PREFIX = "operated"


@dataclass(slots=True)
class Operated:
    """A whole system, its engines, and the operator's command line."""

    system: System
    postgres: PostgresServer
    kafka: KafkaServer

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

    async def events(self, topic: str) -> list[Envelope]:
        """Everything that stands on a topic."""
        bus = KafkaBus(KafkaAddress(bootstrap=self.kafka.bootstrap))
        await bus.start()
        following = await bus.follow(topic)
        found: list[Envelope] = []
        while any(following.offsets[place] < end for place, end in following.ends.items()):
            found += [from_record(key=each.key, value=each.value, headers=each.headers) for each in await following.batch()]
        await following.close()
        await bus.stop()
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
