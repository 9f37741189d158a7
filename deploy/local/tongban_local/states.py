"""Pages made from the code itself: the states of each aggregate and the list of rules that refuse."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from enum import StrEnum
from types import ModuleType

from contracts.refusals import Refusal

SERVICES = ("catalog_svc", "intake_svc", "routing_svc", "credential_svc")
PACKAGES = ("contracts", "rules", "chassis", "gateway", *SERVICES)


def _modules(package: str) -> Iterator[ModuleType]:
    root = importlib.import_module(package)
    yield root
    for found in sorted(pkgutil.walk_packages(root.__path__, f"{package}."), key=lambda each: each.name):
        if ".migrations" in found.name or found.name.endswith("__main__"):
            continue
        yield importlib.import_module(found.name)


def _first_line(text: str | None) -> str:
    return inspect.cleandoc(text or "").split("\n", 1)[0]


def states_page() -> str:
    """``docs/states.md``: one diagram for every ``MOVES`` table of the domain."""
    lines = [
        "# States",
        "",
        "Made by `make contracts` from the `MOVES` tables of the domain; a move that is not drawn is refused.",
    ]
    for service in SERVICES:
        for module in _modules(service):
            moves = getattr(module, "MOVES", None)
            if not module.__name__.endswith(".domain") or moves is None:
                continue
            name = type(next(iter(moves))).__name__.removesuffix("State")
            lines += [
                "",
                f"## {name}",
                "",
                f"{_first_line(module.__doc__)} Owner: `{module.__name__}`.",
                "",
                "```mermaid",
                "stateDiagram-v2",
            ]
            targets = {to for ways in moves.values() for to in ways}
            lines += [f"    [*] --> {state.value}" for state in moves if state not in targets]
            for state, ways in moves.items():
                lines += [f"    {state.value} --> {to.value}" for to in sorted(ways)]
                if not ways:
                    lines.append(f"    {state.value} --> [*]")
            lines += ["```"]
            kind = type(next(iter(moves)))
            if issubclass(kind, StrEnum):
                lines += ["", *(f"- `{state.value}`" for state in kind)]
    return "\n".join(lines) + "\n"


def _refusals() -> Iterator[type[Refusal]]:
    def below(kind: type[Refusal]) -> Iterator[type[Refusal]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    for package in PACKAGES:
        for _ in _modules(package):
            pass
    yield from below(Refusal)


def rules_page() -> str:
    """``docs/rules.md``: every rule id with what people read, for integrators."""
    rows: dict[str, tuple[str, str, str]] = {}
    for kind in _refusals():
        if kind.__module__.split(".", 1)[0] in PACKAGES:
            rows.setdefault(kind.RULE, (kind.ZH, kind.EN, _first_line(kind.__doc__)))
    lines = [
        "# Rules that refuse",
        "",
        "Made by `make contracts`. Every error answer (`application/problem+json`) names one of these in `rule` and in its",
        "`type` (`urn:tongban:rule:<rule>`).",
        "",
        "| rule | 中文 | English | when |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{rule}` | {zh} | {en} | {when} |" for rule, (zh, en, when) in sorted(rows.items())]
    return "\n".join(lines) + "\n"
