"""``tongban migrate SERVICE``: bring a service's database to the form that this version of it needs, before it starts.

A job of the deployment; it reads the service's own settings from the environment. With ``--wait`` it changes nothing and returns once another
job has done so: what starts after it finds its tables.
"""

import argparse
import asyncio
import time
from importlib import import_module
from typing import Any

from sqlalchemy.exc import DBAPIError

from chassis import crash
from chassis.database import is_transient
from chassis.migrate import is_current, upgrade
from tongban_operations.terminal import Commands, Unable, say

SERVICES = ("catalog", "intake", "routing", "credential")

PATIENCE = 300.0
"""Seconds until a database must answer, or another job must be done."""


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("migrate", help="升级某服务的数据库结构 / bring a service's database to this version's form")
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("--wait", action="store_true", help="只等待他人升级完成 / change nothing, wait until it is done")
    parser.set_defaults(run=_migrate)


def _migrate(chosen: argparse.Namespace) -> int:
    # Only the service whose image this is can be imported.
    application = import_module(f"{chosen.service}_svc.app")
    settings = application.Settings()
    # Empty but in development, where it is tried what a migration that dies leaves behind.
    crash.arm(settings.crash_point)
    asyncio.run(_until(application, url=settings.database_url, only_wait=chosen.wait))
    say(f"{chosen.service}: 数据库结构已是本版本所需 / the database has the form that this version needs")
    return 0


async def _until(application: Any, *, url: str, only_wait: bool) -> None:
    """Try until it is done; a database that is still starting is no error.

    Raises:
        Unable: It did not answer, or nobody migrated it, in time.
    """
    end = time.monotonic() + PATIENCE
    while True:
        reason = "尚未升级 / not migrated yet"
        try:
            if not only_wait:
                await upgrade(url, application.MIGRATIONS)
            if await is_current(url, application.MIGRATIONS):
                return
        except (DBAPIError, OSError) as error:
            if isinstance(error, DBAPIError) and not is_transient(error):
                raise Unable(str(error.orig)) from error
            reason = type(error).__name__
        if time.monotonic() > end:
            raise Unable(reason)
        say(f"等待数据库 / waiting for the database: {reason} …")
        await asyncio.sleep(1)
