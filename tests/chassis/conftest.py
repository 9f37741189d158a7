"""Fixtures of the chassis' tests."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines import DatabaseUrl
from tests.support.toy import MakeToy, RunningToy, make_tables, running_toy

ENV = "from chassis.migrate import run_migrations\n\nrun_migrations()\n"
FIRST = """
from alembic import op
from sqlalchemy import MetaData
from chassis.tables import define

revision = "0001"
down_revision = None


def upgrade():
    metadata = MetaData()
    define(metadata)
    metadata.create_all(op.get_bind())
"""


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """Those of a service with the chassis' tables alone."""
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text(ENV)
    (folder / "versions" / "0001_first.py").write_text(FIRST)
    return folder


@pytest.fixture
async def make_toy(database_url: DatabaseUrl, tmp_path: Path) -> AsyncIterator[MakeToy]:
    """Makes toys, each on a fresh database."""
    async with AsyncExitStack() as open_toys:

        async def make(**settings: Any) -> RunningToy:
            url = await database_url("toy", prepare=make_tables)
            return await open_toys.enter_async_context(running_toy(url, tmp_path, **settings))

        yield make


@pytest.fixture
async def toy(make_toy: MakeToy) -> RunningToy:
    """One toy."""
    return await make_toy()
