"""Officers whom the development issuer does not know of itself, at a running system; a real office has a directory of its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.support.whole import PATIENT
from tongban_local.layout import PEOPLE
from tongban_local.system import System

NATION = "100000"


def catalogue_officers(name: str, *, region: str) -> list[dict[str, Any]]:
    """``<name>-author`` and ``<name>-reviewer`` of a region's catalogue."""
    return [
        {
            "username": f"{name}-{role}",
            "title": f"{name} {role}",
            "title_en": f"{name} {role}",
            "roles": [f"catalogue_{role}"],
            "region": region,
        }
        for role in ("author", "reviewer")
    ]


@contextmanager
def staffing(system: System, *, folder: Path, more: Sequence[dict[str, Any]]) -> Iterator[System]:
    """The system with these officers beside everybody there was; afterwards without them."""
    document = yaml.safe_load(PEOPLE.read_text(encoding="utf-8"))
    document["people"] += more
    file = folder / "people.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    gateway = system["gateway"]
    gateway.stop()
    gateway.start(PATIENT | {"people_file": str(file)})
    gateway.wait_ready()
    yield system
    gateway.stop()
    gateway.start(PATIENT)
    gateway.wait_ready()
