"""The private PostgreSQL: once started, found again, recovered, and nobody else's server touched."""

import json
import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.support.engines import DatabaseUrl
from tongban_local.postgres import PostgresServer
from tongban_local.processes import EngineFailed, EngineProcess, wait_until, working_in


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def server(data: Path) -> Iterator[PostgresServer]:
    server = PostgresServer.start(data=data)
    yield server
    # Whatever the test did to it: a server that runs is adopted, one that was killed comes back, and both are removed.
    PostgresServer.start(data=data).remove()


def test_a_second_start_adopts_the_running_server(server: PostgresServer, data: Path) -> None:
    again = PostgresServer.start(data=data)

    assert again.adopted
    assert (again.pid, again.port) == (server.pid, server.port)


def test_a_killed_server_comes_back_with_what_was_committed(server: PostgresServer, data: Path) -> None:
    server.query("create table kept (a int)")
    server.query("insert into kept values (7)")
    server.kill()

    again = PostgresServer.start(data=data)

    assert not again.adopted
    assert again.query("select a from kept") == "7"


def test_an_id_in_the_pid_file_that_belongs_to_somebody_else_is_not_taken_for_the_server(
    server: PostgresServer, data: Path, tmp_path: Path
) -> None:
    server.stop()
    stranger = EngineProcess.start(["sleep", "600"], folder=tmp_path, log=tmp_path / "log")
    place = Path(json.loads((data / "postgres.json").read_text())["place"])
    (place / "cluster" / "postmaster.pid").write_text(f"{stranger.pid}\n{place}/cluster\n1\n{server.port}\n\n127.0.0.1\n0 0\nready\n")

    again = PostgresServer.start(data=data)

    assert not again.adopted
    assert stranger.alive()
    stranger.end(signal.SIGKILL, seconds=5)


def test_stop_leaves_no_process_behind(server: PostgresServer, data: Path) -> None:
    place = Path(json.loads((data / "postgres.json").read_text())["place"])

    server.stop()

    assert wait_until(lambda: not working_in(place / "cluster"), seconds=60)


def test_later_starts_use_the_programs_that_made_the_data(server: PostgresServer, data: Path) -> None:
    made_by = server.binaries
    server.stop()

    said: list[str] = []
    again = PostgresServer.start(data=data, binaries="/nonexistent", progress=said.append)

    assert again.binaries == made_by
    assert "not /nonexistent: this data was made by wheel" in said[0]


def test_data_of_a_version_that_is_not_here_is_refused_with_what_to_install(data: Path) -> None:
    data.mkdir()
    (data / "postgres.json").write_text(json.dumps({"place": str(data), "source": "/nonexistent", "version": "9", "password": "x"}))

    with pytest.raises(EngineFailed, match="Install PostgreSQL 9"):
        PostgresServer.start(data=data)


async def test_removed_data_is_gone_and_the_folder_begins_anew(data: Path) -> None:
    first = PostgresServer.start(data=data)
    first.create_database("kept")
    first.remove()

    second = PostgresServer.start(data=data)
    left = second.query("select datname from pg_database where datname = 'kept'")
    second.remove()

    assert left == ""


def test_data_that_somebody_deleted_is_not_silently_made_anew(server: PostgresServer, data: Path) -> None:
    record = json.loads((data / "postgres.json").read_text())
    (data / "postgres.json").write_text(json.dumps({**record, "place": str(data / "gone")}))

    with pytest.raises(EngineFailed, match="is gone"):
        PostgresServer.start(data=data)

    (data / "postgres.json").write_text(json.dumps(record))


async def test_a_wrong_password_is_refused(postgres: PostgresServer) -> None:
    url = postgres.url().replace("+asyncpg", "")

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url, password="guess")  # noqa: S106 - must not be the password


def test_only_the_owner_reads_the_file_that_holds_the_password(server: PostgresServer, data: Path) -> None:
    assert stat.S_IMODE((data / "postgres.json").stat().st_mode) == 0o600


def test_the_server_runs_without_rights_when_we_are_root(server: PostgresServer) -> None:
    owner = Path(f"/proc/{server.pid}").stat().st_uid

    assert owner == (65534 if os.geteuid() == 0 else os.geteuid())


def test_databases_sort_by_code_point_in_utf_8(postgres: PostgresServer) -> None:
    postgres.create_database("sorting")
    postgres.create_database("sorting")

    rows = postgres.query("select x from (values ('乙'), ('b'), ('甲'), ('B'), ('é')) v(x) order by x", database="sorting")

    assert rows.split() == sorted(["乙", "b", "甲", "B", "é"])


@pytest.mark.parametrize("name", ["", "Upper", "a-b", 'a"; drop database postgres; --', "a" * 64])
def test_a_name_that_could_be_read_as_more_than_a_name_is_refused(postgres: PostgresServer, name: str) -> None:
    with pytest.raises(EngineFailed, match="no database name"):
        postgres.create_database(name)


async def test_a_prepared_database_is_prepared_once_and_copies_do_not_share_rows(database_url: DatabaseUrl) -> None:
    prepared: list[str] = []

    async def prepare(url: str) -> None:
        prepared.append(url)
        await run(url, "create table counted (a int)")

    first = await database_url("copied", prepare=prepare)
    second = await database_url("copied", prepare=prepare)
    await run(first, "insert into counted values (1)")

    assert len(prepared) == 1
    assert await run(second, "select count(*) from counted") == 0


async def run(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
