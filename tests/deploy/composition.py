"""``deploy/compose.yaml`` as Compose would read it: variables filled in, merges done."""

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

_VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\})")


class NotSet(Exception):
    """A variable that must be set was not."""


class Composition:
    """The file under one set of variables."""

    def __init__(self, file: Path, variables: Mapping[str, str]) -> None:
        self.file = file
        self._variables = variables

    @cached_property
    def content(self) -> dict[str, Any]:
        """Everything in it.

        Raises:
            NotSet: A variable without which it cannot be.
        """
        filled = self._fill(yaml.safe_load(self.file.read_text(encoding="utf-8")))
        assert isinstance(filled, dict)
        return filled

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        """Services and jobs by name."""
        return dict(self.content["services"])

    @property
    def jobs(self) -> list[str]:
        """What runs once and must end well before others start."""
        return [name for name, each in self.services.items() if each.get("restart") == "no" and "profiles" not in each]

    @property
    def commands(self) -> list[str]:
        """What is started by name alone."""
        return [name for name, each in self.services.items() if "profiles" in each]

    def order(self) -> list[str]:
        """Names of what is started together, so that each comes after what it depends on."""
        found: list[str] = []

        def visit(name: str) -> None:
            for needed in self.services[name].get("depends_on", {}):
                visit(needed)
            if name not in found:
                found.append(name)

        for name in self.services:
            if name not in self.commands:
                visit(name)
        return found

    def secret(self, name: str) -> Path:
        """The file behind ``/run/secrets/<name>``."""
        return Path(self.content["secrets"][name]["file"])

    def _fill(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._fill(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._fill(each) for each in value]
        return _VARIABLE.sub(self._one, value) if isinstance(value, str) else value

    def _one(self, found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        name, kind, rest = found["name"], found["kind"], found["rest"]
        if self._variables.get(name):
            return self._variables[name]
        if kind == "-":
            return str(rest)
        raise NotSet(f"{name}: {rest}")
