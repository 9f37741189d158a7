"""A process that is told to stop turns nobody away: it says so, answers what is open, and ends well."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tongban_local.ports import free_port

PATIENCE = 60.0
"""Seconds that a client waits."""


@pytest.fixture
async def running(project: Path) -> AsyncIterator[tuple[Process, str]]:
    """A served application and its address."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.chassis.leaving", str(port), cwd=project, stdout=PIPE)
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:
            while not await _ready(client):
                assert process.returncode is None
                await asyncio.sleep(0.02)
        yield process, url
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_what_is_open_is_answered_and_the_process_ends_with_status_0(running: tuple[Process, str], number: signal.Signals) -> None:
    process, url = running
    assert process.stdout is not None
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:
        slow = asyncio.create_task(client.get("/slow"))
        assert await process.stdout.readline() == b"begun\n"
        process.send_signal(number)
        answer = await slow

    assert (answer.status_code, answer.text) == (200, "done")
    assert await process.wait() == 0
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as late:
        with pytest.raises(httpx.ConnectError):
            await late.get("/readyz")


async def test_on_its_way_out_it_is_not_ready_and_each_answer_is_the_last_of_its_connection(running: tuple[Process, str]) -> None:
    process, url = running
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as idle, httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:
        await idle.get("/readyz")
        process.send_signal(signal.SIGTERM)
        while (ready := await client.get("/readyz")).status_code == 200:  # noqa: ASYNC110 - another process' state
            await asyncio.sleep(0.02)
        other = await client.get("/slow")

    assert (ready.json(), ready.headers["connection"]) == ({"status": "leaving"}, "close")
    assert (other.text, other.headers["connection"]) == ("done", "close")
    assert await process.wait() == 0
