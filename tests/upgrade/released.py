"""What was released: versions with their commits, and the code of one of them."""

import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("released.txt")


class NotInThisClone(RuntimeError):
    """The commit of a released version cannot be read here."""


@dataclass(frozen=True, slots=True)
class Release:
    """One released version."""

    version: str
    commit: str


def releases() -> list[Release]:
    """Every released version, oldest first."""
    lines = [line.split() for line in LIST.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return [Release(version, commit) for version, commit in lines]


def unpack(release: Release, *, folder: Path) -> Path:
    """Put the code of a released version into an empty folder; gives the folder.

    Raises:
        NotInThisClone: The clone is shallow, or no clone.
    """
    packed = folder / "released.tar"
    packing = subprocess.run(
        ["git", "-C", str(ROOT), "archive", "--format=tar", f"--output={packed}", release.commit],  # noqa: S607 - the git of the path
        capture_output=True,
        text=True,
        check=False,
    )
    if packing.returncode:
        raise NotInThisClone(
            f"version {release.version} is commit {release.commit}: git fetch --unshallow. git says: {packing.stderr.strip()}"
        )
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    packed.unlink()
    return folder
