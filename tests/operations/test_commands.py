"""Every command of docs/operations.md that is marked so runs, in its order, against a real system."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tongban_local.kafka import KafkaServer
from tongban_local.layout import ALL, Layout, lay_out
from tongban_local.postgres import PostgresServer

PREFIX = "handbook"
BLOCK = re.compile(r"^```sh run\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def layout(tmp_path: Path, postgres: PostgresServer) -> Iterator[Layout]:
    """Engines and settings of a system that nobody has started."""
    kafka = KafkaServer.start(data=tmp_path / "kafka")
    yield lay_out(data=tmp_path, postgres=postgres, kafka_bootstrap=kafka.bootstrap, prefix=PREFIX)
    kafka.remove()
    for service in ("catalog", "intake", "routing", "credential"):
        postgres.drop_database(f"{PREFIX}_{service}")


@pytest.fixture
def shell(layout: Layout, postgres: PostgresServer) -> Iterator[dict[str, str]]:
    """The environment that the page speaks of; whatever it starts is ended."""
    folders = {name: layout.data / name.lower() for name in ("CONFIG", "RUN", "LOGS", "BACKUPS")}
    for folder in folders.values():
        folder.mkdir()
    for name in ALL:
        told = layout.environment(name)
        (folders["CONFIG"] / f"{name}.env").write_text("".join(f"{key}='{value}'\n" for key, value in told.items()))
        (folders["CONFIG"] / f"{name}.url").write_text(f"http://127.0.0.1:{told[f'TONGBAN_{name.upper()}_PORT']}")
    programs = [str(Path(sys.executable).parent), str(postgres.binaries.folder), os.environ["PATH"]]
    yield {
        **os.environ,
        **{name: str(folder) for name, folder in folders.items()},
        "PATH": os.pathsep.join(programs),
        "KAFKA": layout.kafka_bootstrap,
        "KEYS": str(layout.data / "keys"),
        "POSTGRES": postgres.url("postgres").replace("+asyncpg", ""),
        "CREDENTIAL_DATABASE": f"{PREFIX}_credential",
        "TONGBAN_URL": layout.url,
    }
    for file in folders["RUN"].glob("*.pid"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(file.read_text()), signal.SIGKILL)


@pytest.mark.timeout(900)
def test_the_page_does_what_it_says(project: Path, shell: dict[str, str]) -> None:
    blocks = BLOCK.findall((project / "docs" / "operations.md").read_text(encoding="utf-8"))
    functions, *acts = blocks

    for number, act in enumerate(acts, start=1):
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", f"{functions}\n{act}"],
            env=shell,
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"block {number}:\n{act}\n{done.stdout}\n{done.stderr}"

    assert (Path(shell["BACKUPS"]) / "credential.dump").stat().st_size > 0
