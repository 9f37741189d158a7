"""Disks small enough to be filled: a file system in memory, mounted where an engine keeps its data. Only root may mount."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tongban_local.processes import NOBODY, EngineFailed, is_root

BALLAST = "ballast"
PIECES = (8 * 1024 * 1024, 4096)
"""Bytes written at a time until nothing goes on it any more."""


def may_mount() -> bool:
    """True where this process may mount a file system; in most containers root may not."""
    return is_root() and subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode == 0  # noqa: S607


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """One mounted file system."""

    place: Path

    @classmethod
    def mount(cls, place: Path, *, megabytes: int, nobody: bool = False) -> SmallDisk:
        """Mount an empty one on a folder; what stood in the folder is moved onto it.

        Raises:
            EngineFailed: It may not be mounted here.
        """
        place.mkdir(parents=True, exist_ok=True)
        aside = place.with_name(f"{place.name}.aside")
        shutil.copytree(place, aside, symlinks=True, copy_function=_copy)
        options = f"size={megabytes}m,mode=0700{f',uid={NOBODY},gid={NOBODY}' if nobody else ''}"
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tongban-faults", str(place)],  # noqa: S607
            check=False,
            capture_output=True,
            text=True,
        )
        if mounted.returncode != 0:
            shutil.rmtree(aside)
            raise EngineFailed(f"no file system can be mounted here: {mounted.stderr.strip()}")
        for entry in aside.iterdir():
            shutil.move(str(entry), place / entry.name)
        shutil.rmtree(aside)
        if nobody:
            _give_away(place)
        return cls(place)

    def fill(self) -> None:
        """Leave nothing free, whatever else writes meanwhile."""
        with (self.place / BALLAST).open("wb", buffering=0) as file:
            for size in PIECES:
                try:
                    while True:
                        file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self) -> None:
        """Give the room back."""
        (self.place / BALLAST).unlink(missing_ok=True)

    def unmount(self) -> None:
        """Take it away with all that is on it."""
        subprocess.run(["umount", "-l", str(self.place)], check=False, capture_output=True)  # noqa: S607


def _copy(source: str, target: str) -> str:
    return str(shutil.copy2(source, target, follow_symlinks=False))


def _give_away(place: Path) -> None:
    for folder, _, files in os.walk(place):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
