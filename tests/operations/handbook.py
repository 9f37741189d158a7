"""The blocks of a page as they stand there, and the shells in which a reader or an operator would type them."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tongban_local.layout import ALL, SERVICES, Layout
from tongban_local.postgres import PostgresServer
from tongban_local.processes import NOBODY, is_root

NEW = "new"
"""What the handbook calls the second process of a service while it is replaced."""

_PART = re.compile(r"^#{2,3} (?P<heading>[^\n]+)$|^```(?P<words>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block of the page."""

    section: str
    """English half of the heading above it; empty before the first."""
    words: str
    """What stands behind the fence: ``sh``, or ``sh cluster`` for what cannot run without one."""
    text: str


def read_blocks(page: str) -> list[Block]:
    """Every fenced block of a page, in its order."""
    found: list[Block] = []
    section = ""
    for part in _PART.finditer(page):
        if part["heading"] is not None:
            section = part["heading"].rpartition(" / ")[2]
        else:
            found.append(Block(section=section, words=part["words"].strip(), text=part["text"]))
    return found


async def run_blocks(page: str, *, url: str, folder: Path) -> list[str]:
    """Run every block of a page, in its order and in one shell, against the system at ``url``; the words that were printed.

    Raises:
        AssertionError: A command failed; with all that was said until then.
    """
    blocks = read_blocks(page)
    script = "\n".join(("set -euo pipefail", f"URL={url}", *(block.text for block in blocks)))
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", script, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        told, errors = await asyncio.wait_for(shell.communicate(), 200)
    except TimeoutError:
        shell.kill()
        raise
    assert shell.returncode == 0, (told + errors).decode()
    return told.decode().split()


class Shell:
    """Runs blocks of docs/operations.md one after the other, with the variables that it speaks of."""

    def __init__(self, *, layout: Layout, postgres: PostgresServer, project: Path) -> None:
        """Write what an operator would have: a file of settings for each process, folders, the functions' variables."""
        cluster = Path(postgres.query("show data_directory"))
        folders = {name: layout.data / name.lower() for name in ("CONFIG", "RUN", "LOGS")} | {"BACKUPS": cluster.with_name("backups")}
        for folder in folders.values():
            folder.mkdir()
        if is_root():
            os.chown(folders["BACKUPS"], NOBODY, NOBODY)
        self.run_folder = folders["RUN"]
        self.backups = folders["BACKUPS"]
        for name in ALL:
            _write_settings(folders["CONFIG"], name, layout.environment(name), name=name)
        for name in SERVICES:
            _write_settings(folders["CONFIG"], f"{name}-{NEW}", layout.environment(name, process=1), name=name)
        self._project = project
        self.functions = ""
        self.variables = {
            **{name: str(folder) for name, folder in folders.items()},
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), str(postgres.binaries.folder), os.environ["PATH"]]),
            "KAFKA": layout.kafka_bootstrap,
            "KEYS": str(layout.data / "keys"),
            "SECRETS": str(layout.data / "secrets"),
            "POSTGRES": postgres.url("postgres").replace("+asyncpg", ""),
            "PGDATA": str(cluster),
            "AS_POSTGRES": f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups" if is_root() else "",
            "TONGBAN_URL": layout.url,
        }

    async def run(self, text: str) -> str:
        """Run one block to its end; what it printed.

        Raises:
            AssertionError: It ended with a status other than 0; with the block and what it said.
        """
        done = await asyncio.to_thread(self._run, text)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _run(self, text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", f"{self.functions}\n{text}"],
            env={**os.environ, **self.variables},
            cwd=self._project,
            capture_output=True,
            text=True,
            check=False,
        )


def _write_settings(folder: Path, file: str, told: Mapping[str, str], *, name: str) -> None:
    # A server's processes neither migrate nor make topics: the page's own commands must do so.
    told = {**told, f"TONGBAN_{name.upper()}_MIGRATE_ON_START": "false"}
    (folder / f"{file}.env").write_text("".join(f"{key}='{value}'\n" for key, value in told.items()))
    (folder / f"{file}.url").write_text(f"http://127.0.0.1:{told[f'TONGBAN_{name.upper()}_PORT']}")
