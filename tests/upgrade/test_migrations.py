"""What a migration may do while the version before it still works, and what becomes of one that is cut off."""

import ast
import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from chassis.migrate import is_current, upgrade
from tests.support.engines import DatabaseUrl
from tests.upgrade.released import releases
from tongban_local.layout import lay_out
from tongban_local.postgres import PostgresServer
from tongban_local.system import ServiceProcess

ROOT = Path(__file__).resolve().parents[2]
MIGRATIONS = sorted(ROOT.glob("*-svc/*_svc/migrations/versions/*.py"))
LATER = [path for path in MIGRATIONS if not path.stem.startswith("0001")]
"""Those that had a version before them."""

TAKES_AWAY = ("drop_", "rename_", "alter_column", "create_unique_constraint", "create_check_constraint", "create_foreign_key", "execute")
"""What an older version may stumble over: things gone or renamed, and rules it does not keep. SQL as text cannot be judged."""

CONTRACTS_AFTER = "CONTRACTS_AFTER"
"""Names, in a migration that takes away, the release since which nobody uses what goes; it must be out before this one."""


def _calls(function: ast.FunctionDef) -> Iterator[ast.Call]:
    return (node for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))


def _keyword(call: ast.Call, name: str) -> object:
    return next((getattr(each.value, "value", True) for each in call.keywords if each.arg == name), None)


def takes_away(tree: ast.Module) -> list[str]:
    """What a migration does that the version before may not survive, by line."""
    [function] = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade"]
    found = []
    made = {getattr(call.args[0], "value", None) for call in _calls(function) if call.func.attr == "create_table"}  # type: ignore[attr-defined]
    for call in _calls(function):
        name: str = call.func.attr  # type: ignore[attr-defined]
        if name.startswith(TAKES_AWAY):
            found.append(f"line {call.lineno}: {name}")
        elif name == "create_index" and _keyword(call, "unique") is True and getattr(call.args[1], "value", None) not in made:
            found.append(f"line {call.lineno}: a unique index on a table that is in use")
        elif name == "add_column":
            column = call.args[1]
            if isinstance(column, ast.Call) and _keyword(column, "nullable") is False and _keyword(column, "server_default") is None:
                found.append(f"line {call.lineno}: a column that the older version does not fill")
    return found


def _released_since(tree: ast.Module) -> str | None:
    names = [
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and ast.unparse(node.targets[0]) == CONTRACTS_AFTER
    ]
    return str(names[0]) if names else None


@pytest.mark.parametrize("path", LATER, ids=[f"{path.parts[-4]}-{path.stem}" for path in LATER])
def test_a_migration_only_adds_or_names_the_release_that_no_longer_needs_what_goes(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert takes_away(tree) == [] or _released_since(tree) in {each.version for each in releases()}


@pytest.mark.parametrize(
    "line",
    [
        'op.drop_table("cases")',
        'op.drop_column("cases", "stage")',
        'op.rename_table("cases", "matters")',
        'op.alter_column("cases", "stage", nullable=False)',
        'op.add_column("cases", sa.Column("held_by", sa.Text(), nullable=False))',
        'op.create_index("ux", "cases", ["stage"], unique=True)',
        'op.execute("alter table cases drop column stage")',
    ],
)
def test_what_the_older_version_would_stumble_over_is_found(line: str) -> None:
    assert len(takes_away(ast.parse(f"def upgrade():\n    {line}\n"))) == 1


@pytest.mark.parametrize(
    "line",
    [
        'op.add_column("cases", sa.Column("held_by", sa.Text(), nullable=True))',
        'op.add_column("cases", sa.Column("held_by", sa.Text(), nullable=False, server_default=""))',
        'op.create_table("sent")\n    op.create_index("ux", "sent", ["id"], unique=True)',
    ],
)
def test_what_only_adds_is_let_through(line: str) -> None:
    assert takes_away(ast.parse(f"def upgrade():\n    {line}\n")) == []


async def test_an_older_version_works_with_the_tables_that_a_newer_one_made(database_url: DatabaseUrl, postgres: PostgresServer) -> None:
    url = await database_url("ahead")
    scripts = ROOT / "intake-svc/intake_svc/migrations"
    await upgrade(url, scripts)
    postgres.query("update alembic_version set version_num = '9999'", database=url.rpartition("/")[2])

    await upgrade(url, scripts)

    assert await is_current(url, scripts)


@pytest.mark.parametrize("nth", [1, 2], ids=["before the first", "when it has done its work"])
def test_a_service_killed_in_a_migration_starts_again(tmp_path: Path, postgres: PostgresServer, nth: int) -> None:
    prefix = f"cut{nth}"
    layout = lay_out(data=tmp_path, postgres=postgres, prefix=prefix)
    process = ServiceProcess("catalog", layout=layout, log=tmp_path / "catalog.log")

    process.start({"crash_point": f"in-migration:{nth}", "seed": "false"})
    try:
        assert process.wait_gone(seconds=150), "the crash point was never reached"
        kept = postgres.query("select count(*) from pg_tables where schemaname = 'public'", database=f"{prefix}_catalog")
        process.start({"seed": "false"})
        process.wait_ready()
    finally:
        process.stop()

    assert kept.strip() == "0", "of what was cut off nothing is left"
    assert postgres.query("select max(version_num) from alembic_version", database=f"{prefix}_catalog").strip() == _newest("catalog")


def _newest(service: str) -> str:
    return max(path.stem.partition("_")[0] for path in MIGRATIONS if path.parts[-4] == f"{service}_svc")


@pytest.mark.parametrize("service", ["catalog", "intake", "routing", "credential"])
async def test_processes_that_start_together_migrate_once(database_url: DatabaseUrl, service: str) -> None:
    url = await database_url(f"together_{service}")
    scripts = ROOT / f"{service}-svc/{service}_svc/migrations"
    program = f"import asyncio; from chassis.migrate import upgrade; asyncio.run(upgrade({url!r}, {str(scripts)!r}))"
    engine = create_async_engine(url)

    async with engine.connect() as before:
        await before.execute(text("select pg_advisory_lock(hashtextextended('migration', 1))"))
        await before.commit()
        started = [await asyncio.create_subprocess_exec(sys.executable, "-c", program) for _ in range(3)]
        there = text("select count(*) from pg_stat_activity where datname = current_database()")
        while await before.scalar(there) != len(started) + 1 and all(process.returncode is None for process in started):
            await before.commit()
            await asyncio.sleep(0.1)
    await engine.dispose()

    assert await asyncio.gather(*(process.wait() for process in started)) == [0, 0, 0]
    assert await is_current(url, scripts)
