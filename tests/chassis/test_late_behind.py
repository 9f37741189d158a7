"""A service that began to answer while the log was away, and then finds itself behind it, ends as if it had been so at its start."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import orjson
import pytest

from chassis.bus_postgres import PostgresBus
from chassis.identity import SigningKey
from chassis.serving import FAILED
from chassis.topics import load
from contracts.envelope import Envelope, to_record
from contracts.events import ACCESS_EVENTS
from tests.support.engines import DatabaseUrl
from tests.support.toy import make_tables
from tongban_local.ports import free_port
from tongban_local.postgres import PostgresServer


async def log_ahead(postgres: PostgresServer, project: Path, *, name: str) -> None:
    """Make a log that holds an event of the service, under a name at which nobody looks."""
    await asyncio.to_thread(postgres.create_database, name)
    bus = PostgresBus(postgres.url(name))
    await bus.start()
    await bus.create(load(project / "deploy" / "topics.yaml"))
    event = Envelope(
        id="own", type="tongban.any.v1", source="/toy/", subject="k", time=datetime.now(UTC), key="k", sequence=1, position=1000, data={}
    )
    await bus.append(ACCESS_EVENTS, 0, [to_record(event)])
    await bus.stop()


@pytest.mark.parametrize("late", [False, True])
async def test_a_service_that_is_behind_ends_also_when_the_log_comes_late(
    postgres: PostgresServer, database_url: DatabaseUrl, project: Path, tmp_path: Path, *, late: bool
) -> None:
    await log_ahead(postgres, project, name=f"ahead_{late}".lower())
    (tmp_path / "jwks.json").write_bytes(orjson.dumps({"keys": [SigningKey.make("gateway").public]}))
    port, log = free_port(), f"log_late_{late}".lower()
    rename = f"alter database ahead_{late} rename to {log}".lower()
    if not late:
        await asyncio.to_thread(postgres.query, rename)
    urls = (await database_url("toy", prepare=make_tables), postgres.url(log))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chassis.behind", str(port), *urls, str(tmp_path), cwd=project, stdout=asyncio.subprocess.PIPE
    )
    if late:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            while not await _is_alive(client):  # noqa: ASYNC110 - another process' state
                await asyncio.sleep(0.05)
        await asyncio.to_thread(postgres.query, rename)
    printed, _ = await process.communicate()

    assert process.returncode == FAILED
    assert b"service.behind_the_log" in printed
    assert b"restore.behind" in printed


async def _is_alive(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/livez")).status_code == 200
    except httpx.TransportError:
        return False
