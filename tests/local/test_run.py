"""``make run``: broken off at any moment it leaves nothing running and shows no traceback."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tongban_local.ports import free_port
from tongban_local.postgres import PostgresServer
from tongban_local.processes import wait_until, working_in

PATIENCE = 200.0
"""Seconds until something must have happened; a guard against hanging."""


@contextmanager
def starting(data: Path, *options: str, module: str = "run") -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The launcher as it starts, and the file that takes what it prints."""
    printed = data.with_name("printed")
    command = [sys.executable, *options, "-m", f"tongban_local.{module}", "--port", str(free_port()), "--data", str(data)]
    with printed.open("wb") as sink, subprocess.Popen(command, stdout=sink, stderr=sink) as launcher:
        try:
            yield launcher, printed
        finally:
            launcher.kill()


def cluster_of(data: Path) -> Path | None:
    record = data / "postgres" / "postgres.json"
    return Path(json.loads(record.read_text())["place"], "cluster") if record.exists() else None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_broken_off_while_postgresql_starts_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    data = tmp_path / "data"

    def launched() -> bool:
        cluster = cluster_of(data)
        return cluster is not None and (cluster / "postmaster.pid").exists()

    with starting(data) as (launcher, printed):
        assert wait_until(launched, seconds=PATIENCE), printed.read_text()
        launcher.send_signal(number)
        status = launcher.wait(PATIENCE)
    cluster = cluster_of(data)
    assert cluster is not None
    left = working_in(cluster)
    PostgresServer.start(data=data / "postgres").remove()

    assert (status, left) == (130, [])
    assert "Traceback" not in printed.read_text()


def test_a_full_start_broken_off_does_not_begin_with_the_next_engine(tmp_path: Path) -> None:
    data = tmp_path / "data" / "full"

    def launched() -> bool:
        cluster = cluster_of(data)
        return cluster is not None and (cluster / "postmaster.pid").exists()

    with starting(tmp_path / "data", module="run_full") as (launcher, printed):
        assert wait_until(launched, seconds=PATIENCE), printed.read_text()
        launcher.send_signal(signal.SIGINT)
        status = launcher.wait(PATIENCE)
    cluster = cluster_of(data)
    assert cluster is not None
    left = working_in(cluster)
    PostgresServer.start(data=data / "postgres").remove()

    assert (status, left) == (130, [])
    assert not (data / "kafka").exists()


def test_a_start_broken_off_before_anything_runs_ends_without_a_traceback(tmp_path: Path) -> None:
    with starting(tmp_path / "data", "-X", "importtime") as (launcher, printed):
        assert wait_until(lambda: "asyncio" in printed.read_text(), seconds=PATIENCE)
        launcher.send_signal(signal.SIGINT)
        status = launcher.wait(PATIENCE)

    assert status == -signal.SIGINT
    assert "Traceback" not in printed.read_text()
