"""Sections of figures in Markdown, each in a file of its own, shown while they are found."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from bench import machine
from bench.rig import Rig

RESULTS = Path(__file__).parent / "results"


class Section:
    """One part's figures; ``bench/results/<date>-<part>.md`` when it is finished."""

    def __init__(self, rig: Rig, *, part: str, title: str, command: str) -> None:
        self._rig = rig
        self._began = datetime.now(UTC)
        self._part = part
        self._lines: list[str] = []
        self.say(f"# {title}, {self._began:%Y-%m-%d %H:%M} UTC", "", *machine.describe(rig))
        self.say(f"- command: `{command}`", f"- data before: {machine.volume(rig)}; load average before: {machine.load()}", "")

    def say(self, *lines: str) -> None:
        """Add lines."""
        for line in lines:
            print(line, flush=True)
            self._lines.append(line)

    def finish(self, folder: Path = RESULTS) -> Path:
        """Write it; where it is."""
        self.say("", f"Data after: {machine.volume(self._rig)}; load average after: {machine.load()}.")
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self._began:%Y-%m-%d}-{self._part}.md"
        file.write_text("\n".join(self._lines) + "\n", encoding="utf-8")
        return file
