"""Where a process spends its time while it works, by py-spy from outside; it costs some of what it measures, so it is a run of its own."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tongban_local.layout import ROOT

RATE = 50
"""Samples per second."""
SHOWN = 14
"""Lines of a table."""
_PACKAGES = f"{Path('site-packages')}/"


class NotInstalled(RuntimeError):
    """There is no py-spy beside this Python; it is a tool of developers, not of the installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Samples of one process in which it did something."""

    samples: int
    libraries: Counter[str]
    """By the package of the innermost Python function."""
    modules: Counter[str]
    """By our own module that is innermost, whatever it called."""


async def record(pids: Mapping[str, int], *, seconds: float, folder: Path) -> dict[str, Profile]:
    """Watch processes for so long.

    Raises:
        NotInstalled: No py-spy.
    """
    program = shutil.which("py-spy", path=str(Path(sys.executable).parent))
    if program is None:
        raise NotInstalled
    watching = []
    for name, pid in pids.items():
        told = ["--pid", str(pid), "--duration", str(int(seconds)), "--rate", str(RATE), "--format", "raw", "--nonblocking"]
        file = str(folder / name)
        quiet = asyncio.subprocess.DEVNULL
        watching.append(
            await asyncio.create_subprocess_exec(program, "record", *told, "--full-filenames", "--output", file, stdout=quiet, stderr=quiet)
        )
    await asyncio.gather(*(each.wait() for each in watching))
    files = {name: folder / name for name in pids}
    # A process that ended, or that we may not look at, leaves no file.
    return {name: read(file.read_text(encoding="utf-8").splitlines() if file.exists() else ()) for name, file in files.items()}


def read(lines: Sequence[str]) -> Profile:
    """Add up folded stacks: ``outer (file:line);inner (file:line) 12``."""
    libraries: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        files = [frame.rpartition("(")[2].rpartition(":")[0] for frame in stack.split(";")]
        libraries[_library(files[-1])] += int(count)
        modules[next((_module(file) for file in reversed(files) if _is_ours(file)), "(none of ours)")] += int(count)
    return Profile(samples=libraries.total(), libraries=libraries, modules=modules)


def tell(profiles: Mapping[str, Profile]) -> list[str]:
    """Lines of Markdown."""
    lines = []
    for name, profile in profiles.items():
        if not profile.samples:
            lines += ["", f"### {name}: could not be looked at"]
            continue
        lines += [
            "",
            f"### {name}: {profile.samples} samples",
            "",
            "| innermost package | % | innermost module of ours | % |",
            "|---|---|---|---|",
        ]
        ours = profile.modules.most_common(SHOWN)
        for number, (library, count) in enumerate(profile.libraries.most_common(SHOWN)):
            module, inside = ours[number] if number < len(ours) else ("", 0)
            lines.append(
                f"| {library} | {count / profile.samples:.1%} | {module} | {f'{inside / profile.samples:.1%}' if inside else ''} |"
            )
    return lines


def _is_ours(file: str) -> bool:
    return file.startswith(str(ROOT)) and _PACKAGES not in file


def _library(file: str) -> str:
    if _is_ours(file):
        return Path(file).relative_to(ROOT).parts[0]
    inside = file.rpartition(_PACKAGES)[2]
    return "python: " + Path(file).parent.name if inside == file else Path(inside).parts[0].removesuffix(".py")


def _module(file: str) -> str:
    parts = Path(file).relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[1:] if len(parts) > 1 else parts)
