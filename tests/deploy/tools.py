"""The tools that look at the files: pinned, installed once into ``.engines``, used from there."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KUSTOMIZE = "v5.6.0"
"""The last version that builds with the Go of today's distributions; 30 s of CPU, once."""


class ToolMissing(AssertionError):
    """Something must be installed on this machine first; the text says what."""


def kustomize(project: Path) -> Path:
    """The program that puts manifests together, built by Go.

    Raises:
        ToolMissing: There is no Go, or it could not build it.
    """
    program = project / ".engines" / f"kustomize-{KUSTOMIZE}" / "kustomize"
    with _alone(project):
        if not program.exists():
            go = shutil.which("go")
            if go is None:
                raise ToolMissing("kustomize is built by Go. On Debian and Ubuntu: apt-get install golang-go; version 1.23 or newer")
            _run([go, "install", f"sigs.k8s.io/kustomize/kustomize/v5@{KUSTOMIZE}"], folder=project, more={"GOBIN": str(program.parent)})
    return program


def dclint(project: Path) -> Path:
    """The linter of compose files, with what it needs, by the hashes in ``deploy/lint``.

    Raises:
        ToolMissing: There is no npm, or it could not install it.
    """
    place = project / ".engines" / "dclint"
    recipe = project / "deploy" / "lint"
    with _alone(project):
        lock = recipe / "package-lock.json"
        if not (place / "done").exists() or (place / "done").read_bytes() != lock.read_bytes():
            npm = shutil.which("npm")
            if npm is None:
                raise ToolMissing("dclint comes by npm. On Debian and Ubuntu: apt-get install npm; Node.js 20.19 or newer")
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(recipe, place, ignore=shutil.ignore_patterns("node_modules"))
            _run([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], folder=place)
            shutil.copy(lock, place / "done")
    return place / "node_modules" / ".bin" / "dclint"


@contextmanager
def _alone(project: Path) -> Iterator[None]:
    folder = project / ".engines"
    folder.mkdir(exist_ok=True)
    with (folder / "tools.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: list[str], *, folder: Path, more: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=folder, env={**os.environ, **(more or {})}, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise ToolMissing(f"{' '.join(command)}\n{done.stderr[-2000:]}")
