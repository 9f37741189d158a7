"""Every command of docs/operations.md, taken from the page and run in its order against a real system that cases go through."""

import asyncio
import contextlib
import json
import os
import signal
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from chassis import topics
from chassis.bus_kafka import KafkaBus
from chassis.kafka_address import KafkaAddress
from contracts.envelope import Record
from contracts.events import CASE_EVENTS
from tests.operations.handbook import Shell, read_blocks
from tests.support.line import until
from tests.support.lives import PEOPLE, accepted, decided, delivered, drained, effects, effects_of_whole_lives, received, whole_life
from tongban_local.kafka import KafkaServer
from tongban_local.layout import SERVICES, TOPICS, Layout, lay_out
from tongban_local.postgres import ALWAYS, PostgresServer
from tongban_local.visitor import Visitor
from tongban_operations.checker import Report, check

PREFIX = "handbook"
NEEDS_A_CLUSTER = ["Upgrade"]
"""Sections with a block that nothing on one machine can run."""


@dataclass(slots=True)
class Installation:
    """What the page's commands work on, and the cases that go through it meanwhile."""

    layout: Layout
    postgres: PostgresServer
    shell: Shell
    closed: list[str] = field(default_factory=list)
    """Numbers of cases that lived to their end."""
    under_way: str = ""

    @asynccontextmanager
    async def people(self) -> AsyncIterator[dict[str, Visitor]]:
        """Those whom a case meets, signed in anew: the gateway may have been started again."""
        async with AsyncExitStack() as stack:
            found = {who: await Visitor.sign_in(who, url=self.layout.url) for who in PEOPLE}
            for visitor in found.values():
                stack.push_async_callback(visitor.close)
            yield found

    async def live(self, key: str) -> None:
        """Let a case live to its end."""
        async with self.people() as people:
            self.closed.append(await whole_life(people, seed=4000 + len(self.closed), key=key))
        await until("every outbox empty", lambda: drained(self.postgres, prefix=PREFIX))

    async def proof(self) -> Report:
        """What the checker finds."""
        return await check(databases=self.layout.database_urls, bootstrap=self.layout.kafka_bootstrap, log=None, journal=None)

    def effects(self) -> Mapping[str, int]:
        """What stands in the owners' tables of the cases that lived to their end."""
        return effects(self.postgres, self.closed, prefix=PREFIX)


@pytest.fixture
def installation(tmp_path: Path, project: Path) -> Iterator[Installation]:
    """Engines and settings of a system that nobody has started; whatever the page starts is ended."""
    kafka = KafkaServer.start(data=tmp_path / "kafka")
    postgres = PostgresServer.start(data=tmp_path / "postgres", durable=False)
    with Path(postgres.query("show data_directory"), "postgresql.conf").open("a") as settings:
        # They stand in its command line alone; whoever brings it back starts it from its folder.
        settings.writelines(f"{name} = '{value}'\n" for name, value in {**ALWAYS, "port": str(postgres.port)}.items())
    layout = lay_out(data=tmp_path, postgres=postgres, kafka_bootstrap=kafka.bootstrap, prefix=PREFIX, processes=dict.fromkeys(SERVICES, 2))
    shell = Shell(layout=layout, postgres=postgres, project=project)
    shell.variables["CREDENTIAL_DATABASE"] = f"{PREFIX}_credential"
    yield Installation(layout, postgres, shell)
    for file in shell.run_folder.glob("*.pid"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(file.read_text()), signal.SIGKILL)
    kafka.remove()
    # It may be another process by now, in the same folder.
    PostgresServer.start(data=tmp_path / "postgres", durable=False).remove()


@pytest.mark.timeout(1500)
async def test_the_page_does_what_it_says(project: Path, installation: Installation) -> None:
    first, *blocks = read_blocks((project / "docs" / "operations.md").read_text(encoding="utf-8"))
    installation.shell.functions = first.text
    meanwhile = dict(MEANWHILE)

    for block in blocks:
        if block.words == "sh cluster":
            continue
        if block.section in meanwhile:
            await meanwhile.pop(block.section)(installation)
        await installation.shell.run(block.text)

    assert not meanwhile, "sections that are no more"
    assert {block.words for block in blocks} == {"sh", "sh cluster"}
    assert [block.section for block in blocks if block.words == "sh cluster"] == NEEDS_A_CLUSTER
    assert installation.effects() == effects_of_whole_lives(len(installation.closed))
    [checked] = json.loads((installation.shell.backups / "check.json").read_text())
    assert {each["rule"] for each in checked["rules"]} <= {"order.cause"}, checked


async def _live_before_the_backup(installation: Installation) -> None:
    await installation.live("before-the-backup")


async def _live_after_the_backup(installation: Installation) -> None:
    await installation.live("after-the-backup")


async def _find_everything(installation: Installation) -> None:
    """From the archive nothing is lost, the last moment included."""
    assert installation.effects() == effects_of_whole_lives(len(installation.closed))
    proof = await installation.proof()
    assert not proof.differences


async def _lose_topics(installation: Installation) -> None:
    """The dump knew nothing of the case; what was learned is what was done, and listed."""
    listed = json.loads((installation.shell.backups / "differences.json").read_text())
    assert {each["rule"] for each in listed} == {"restore.credential-made-again"}
    assert installation.effects() == effects_of_whole_lives(len(installation.closed))
    async with installation.people() as people:
        installation.under_way = await received(people["tonggu-clerk"], seed=4100, key="under-way")
        await accepted(people, installation.under_way, key="under-way")
    admin = AIOKafkaAdminClient(bootstrap_servers=installation.layout.kafka_bootstrap)
    await admin.start()
    await admin.delete_topics([topic.name for topic in topics.load(TOPICS)])
    await admin.close()


async def _end_what_was_under_way(installation: Installation) -> None:
    async with installation.people() as people:
        await decided(people, installation.under_way, key="under-way")
        await delivered(people, installation.under_way, key="under-way")
    installation.closed.append(installation.under_way)
    await until("every outbox empty", lambda: drained(installation.postgres, prefix=PREFIX))


async def _park(installation: Installation) -> None:
    """Put something that nobody can read before a signature that intake must hear of."""
    shell = installation.shell
    operator = await Visitor.sign_in("operator", url=installation.layout.url)
    shell.variables["TONGBAN_TOKEN"] = str(operator.token)
    await operator.close()
    shell.variables["SETTLED"] = str(uuid.uuid4())
    async with installation.people() as people:
        case_no = await received(people["tonggu-clerk"], seed=4200, key="parked")
        shell.variables["CASE_NO"] = case_no
        case_id = installation.postgres.query(
            f"select case_id from cases where case_no = '{case_no}'",  # noqa: S608 - our own number
            database=f"{PREFIX}_intake",
        )
        await _poison(installation.layout.kafka_bootstrap, key=case_id, event_id=shell.variables["SETTLED"])
        await until("one is parked", lambda: _parked(installation, at_least=1))
        signing = asyncio.create_task(accepted(people, case_no, key="parked"))
        await until("the signature waits behind it", lambda: _parked(installation, at_least=2))
        await signing
    first, second, *_ = await _parked(installation)
    shell.variables |= {"UNREADABLE": str(first), "WAITING": str(second)}


async def _see_what_was_parked(installation: Installation) -> None:
    assert await _parked(installation) == []
    async with installation.people() as people:
        case = await people["tonggu-clerk"].get(f"/cases/{installation.shell.variables['CASE_NO']}")
    assert case["stage"] == "accepted"


async def _live_with_the_new_key(installation: Installation) -> None:
    await installation.live("with-the-new-key")


async def _live_with_the_new_processes(installation: Installation) -> None:
    await installation.live("with-the-new-processes")


MEANWHILE: Mapping[str, Callable[[Installation], Awaitable[None]]] = {
    "Back up": _live_before_the_backup,
    "To an instant, from the archive": _live_after_the_backup,
    "A database that is behind the log": _find_everything,
    "The log lost its topics": _lose_topics,
    "Let a service hear again": _end_what_was_under_way,
    "Replay": _park,
    "Rotate": _see_what_was_parked,
    "Upgrade": _live_with_the_new_key,
    "Watch": _live_with_the_new_processes,
}
"""What happens to the system, and is found of it, before the first block of a section."""


async def _parked(installation: Installation, *, at_least: int = 0) -> list[int]:
    found = await asyncio.to_thread(
        installation.postgres.query,
        "select parked_id from parked where state = 'parked' order by parked_id",
        database=f"{PREFIX}_intake",
    )
    ids = [int(each) for each in found.split()]
    return ids if len(ids) >= at_least else []


async def _poison(bootstrap: str, *, key: str, event_id: str) -> None:
    """Put an event of a version that does not exist yet under a case's key; of its kind only intake hears."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_type": "tongban.case.resumed.v99",
        "ce_source": "/nobody/360926",
        "ce_subject": key,
        "ce_time": "2026-01-01T00:00:00Z",
        "ce_partitionkey": key,
        "ce_sequence": "1",
        "ce_position": "0",
        "content-type": "application/json",
    }
    bus = KafkaBus(KafkaAddress(bootstrap=bootstrap))
    await bus.start()
    record = Record(key=key, value=b"{}", headers=tuple((name, text.encode()) for name, text in headers.items()))
    await bus.append(CASE_EVENTS, await bus.partition(CASE_EVENTS, key), [record])
    await bus.stop()
