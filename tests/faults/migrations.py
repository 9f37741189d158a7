"""A migration killed in the middle: of an empty database, by the program that migrates, then run again; the tables are those of one that was not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time

from tests.faults.rig import PREFIX, Rig
from tests.faults.strikes import Landed, Strike, Struck
from tongban_local.postgres import PostgresServer

POINT = "in-migration"

PASSINGS = (2, 3)
"""Of the crash point, that of its work: the first or the second migration has done it and nothing of it is committed."""

SECONDS = 300.0
"""That the program may take."""

_STANDS = "select coalesce((select max(version_num) from alembic_version), '')"
_BEGUN = "select to_regclass('alembic_version') is not null"


def migration(service: str, *, passing: int) -> Strike:
    """A service's migrations die at work in a database of their own, and are run again."""

    async def act(struck: Struck) -> Landed:
        return await asyncio.to_thread(_strike, struck.rig, service, passing=passing)

    return Strike(faults=(f"kill -9 {POINT}",), act=act)


def _strike(rig: Rig, service: str, *, passing: int) -> Landed:
    postgres = rig.engines.postgres
    whole, halved = f"{PREFIX}_whole_{service}", f"{PREFIX}_halved_{service}"
    for name in (whole, halved):
        postgres.drop_database(name)
        postgres.create_database(name)
    assert _migrate(rig, service, database=whole) == 0, f"the migrations of {service} do not come through alone"
    code = _migrate(rig, service, database=halved, point=f"{POINT}:{passing}")
    assert code == -signal.SIGKILL, f"the migration of {service} ended with {code} instead of dying"
    rig.kills[POINT] += 1
    stood = _stands(postgres, halved)
    assert stood != _stands(postgres, whole), f"nothing was left to do when the migration of {service} was killed"
    code = _migrate(rig, service, database=halved)
    back = time.monotonic()
    assert code == 0, f"the migration of {service} ended with {code} after it was killed"
    assert _schema(postgres, halved) == _schema(postgres, whole), f"{service}: a killed migration leaves other tables behind"
    for name in (whole, halved):
        postgres.drop_database(name)
    return Landed(back=back, times=1, seen="death by SIGKILL with migrations left to do; the same tables in the end")


def _migrate(rig: Rig, service: str, *, database: str, point: str = "") -> int:
    told = {"DATABASE_URL": rig.engines.postgres.url(database), "CRASH_POINT": point}
    environment = os.environ | rig.system.layout.environment(service)
    try:
        return subprocess.run(
            [sys.executable, "-m", "tongban_operations", "migrate", service],
            env=environment | {f"TONGBAN_{service.upper()}_{name}": text for name, text in told.items()},
            check=False,
            capture_output=True,
            timeout=SECONDS,
        ).returncode
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"the migrations of {service} take more than {SECONDS:g} s") from error


def _stands(postgres: PostgresServer, database: str) -> str:
    begun = postgres.query(_BEGUN, database=database) == "t"
    return postgres.query(_STANDS, database=database) if begun else ""


def _schema(postgres: PostgresServer, database: str) -> list[str]:
    """Every table, index and sequence as statements; the key with which a dump protects itself is another each time."""
    address = postgres.url(database).replace("+asyncpg", "")
    dumped = subprocess.run(
        [postgres.binaries.program("pg_dump"), "--schema-only", "--no-owner", f"--dbname={address}"],
        check=True,
        capture_output=True,
        text=True,
    )
    return [line for line in dumped.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]
