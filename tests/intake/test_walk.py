"""`docs/walk.md` names what a registration really runs through."""

import re
import sys
from pathlib import Path
from types import FrameType

from tests.intake.builders import CLERK, Service, an_application

NEIGHBOURS = ("hall", "material")
"""Rooms whose handlers are called by a name that says enough; what lies behind them need not be opened."""

MOST_OPENED = 5
"""Files of a service that a reader opens to follow one registration; decision 2."""

IN_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


async def test_the_walk_names_every_file_of_intake_that_a_registration_opens(service: Service, project: Path) -> None:
    walk = (project / "docs" / "walk.md").read_text(encoding="utf-8")
    application = an_application(await service.material())
    ran: set[str] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            ran.add(frame.f_code.co_filename)

    sys.setprofile(note)
    try:
        answer = await service.post("/v1/cases", application, by=CLERK)
    finally:
        sys.setprofile(None)

    rooms = project / "intake-svc" / "intake_svc"
    files = {Path(name).relative_to(rooms) for name in ran if Path(name).is_relative_to(rooms)}
    opened = {file for file in files if len(file.parts) > 1 and file.parts[0] not in NEIGHBOURS}
    called = {Path(room, "handlers.py") for room in NEIGHBOURS}
    assert answer.status_code == 201
    assert called <= files
    assert len(opened) <= MOST_OPENED
    assert {f"intake_svc/{file.as_posix()}" for file in opened | called} <= set(re.findall(r"`intake-svc/(intake_svc/[\w/]+\.py)`", walk))
    assert f"a registration opens {IN_WORDS[len(opened)]} files" in walk
