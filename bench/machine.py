"""What a figure was measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.rig import Rig
from tongban_local.layout import SERVICES

LIBRARIES = ("fastapi", "uvicorn", "pydantic", "SQLAlchemy", "asyncpg", "aiokafka", "aiohttp")


def describe(rig: Rig) -> list[str]:
    """Lines of Markdown: processor, memory, versions."""
    names = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    server = rig.postgres.query("show server_version")
    return [
        f"- processor: {names[0] if names else platform.processor()}, {os.cpu_count()} cores for everything, the load generator included",
        f"- memory: {psutil.virtual_memory().total / 2**30:.0f} GiB; {platform.platform()}",
        f"- Python {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in LIBRARIES)}",
        f"- PostgreSQL {server} (fsync and synchronous_commit on, track_commit_timestamp on), Apache Kafka, one broker, acks=all",
    ]


def volume(rig: Rig) -> str:
    """What lies in the databases at the end."""
    cases = rig.rows("intake", "select count(*) from cases")[0][0]
    claims = rig.rows("intake", "select count(*) from material_claims")[0][0]
    sizes = sum(int(rig.rows(name, "select pg_database_size(current_database())")[0][0]) for name in SERVICES)
    return f"{cases} cases, {claims} claimed materials, {sizes / 2**20:.0f} MiB in the four databases"


def load() -> str:
    """The load averages; our own processes are most of them."""
    return " ".join(f"{value:.1f}" for value in os.getloadavg())
