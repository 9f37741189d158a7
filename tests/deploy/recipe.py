"""The recipe of the images, read and followed without a container engine: the same instructions, in a folder instead of a file system."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PREFIX = Path("/opt")
"""Where the recipe installs."""

NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.egg-info", "node_modules")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction of a stage."""

    stage: int
    """From 0."""
    word: str
    rest: str


def read(dockerfile: Path) -> tuple[Instruction, ...]:
    """Every instruction, lines put together and comments left out."""
    text = "\n".join(line for line in dockerfile.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#"))
    lines = [line.strip() for line in re.sub(r"\\\n\s*", " ", text).splitlines() if line.strip()]
    found: list[Instruction] = []
    stage = -1
    for line in lines:
        word, _, rest = line.partition(" ")
        stage += word == "FROM"
        found.append(Instruction(stage=stage, word=word, rest=rest.strip()))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What came of the recipe."""

    folder: Path
    environment: Mapping[str, str]
    """As ``ENV`` says, with our places."""
    entrypoint: tuple[str, ...]
    healthcheck: tuple[str, ...]
    user: str
    stop_signal: str

    @property
    def home(self) -> Path:
        """The working folder of a container."""
        return self.folder / "opt" / "tongban"


class Builder:
    """Follows the recipe for one service after the other, into one folder: an image of all of them."""

    def __init__(self, *, project: Path, folder: Path) -> None:
        self._project = project
        self._folder = folder
        self._source = folder / "src"
        self._instructions = read(project / "deploy" / "images" / "Dockerfile")

    def build(self, service: str) -> None:
        """Follow the first stage for a service from its start; what is there already stays.

        Raises:
            AssertionError: A step failed; with what it said.
        """
        if not (self._folder / "base").exists():
            subprocess.run([sys.executable, "-m", "venv", self._folder / "base"], check=True)
            self._source.mkdir()
        fresh = not (self._folder / "opt").exists()
        (self._folder / "opt").mkdir(exist_ok=True)
        chosen = False
        for each in self._instructions:
            chosen = chosen or (each.stage == 0 and each.word == "ARG")
            if each.stage != 0 or not (fresh or chosen):
                continue
            if each.word == "COPY":
                self._copy(each.rest.replace("${SERVICE}", service))
            if each.word == "RUN":
                self._run(each.rest)

    def finish(self) -> Image:
        """The second stage: what a container starts with."""
        last = {each.word: each.rest for each in self._instructions if each.stage == 1}
        for each in self._instructions:
            if each.stage == 1 and each.word == "COPY" and not each.rest.startswith("--from"):
                self._copy(each.rest)
        _, _, command = last["HEALTHCHECK"].partition("CMD ")
        return Image(
            folder=self._folder,
            environment=dict(each.split("=", 1) for each in shlex.split(self._ours(last["ENV"]))),
            entrypoint=tuple(_list(last["ENTRYPOINT"])),
            healthcheck=tuple(_list(command)),
            user=last["USER"],
            stop_signal=last["STOPSIGNAL"],
        )

    def _copy(self, rest: str) -> None:
        *sources, target = rest.split()
        place = Path(self._ours(target)) if target.startswith("/") else self._source / target
        for source in sources:
            origin = self._project / source
            if origin.is_dir():
                shutil.rmtree(place, ignore_errors=True)
                shutil.copytree(origin, place, ignore=NOT_COPIED)
            else:
                goal = place / origin.name if target.endswith("/") else place
                goal.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(origin, goal)

    def _run(self, command: str) -> None:
        shutil.rmtree(self._source / "wheels", ignore_errors=True)
        environment = os.environ | {"PATH": f"{self._folder / 'base' / 'bin'}:{os.environ['PATH']}", "VIRTUAL_ENV": ""}
        done = subprocess.run(
            ["/bin/sh", "-c", self._ours(command)], cwd=self._source, env=environment, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

    def _ours(self, text: str) -> str:
        return text.replace(str(PREFIX), f"{self._folder}{PREFIX}")


def _list(text: str) -> list[str]:
    words = re.findall(r'"((?:[^"\\]|\\.)*)"', text)
    assert words, f"in the form of a list, so that no shell stands between: {text}"
    return words
