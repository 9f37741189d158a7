"""One case is followed through every service by its number."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.support.line import act, closed, delivered, receive, sealed, sign, transfer_in
from tests.support.whole import SignIn
from tongban_local.layout import SERVICES
from tongban_local.sole_trader import ID_NUMBER, NAME, PHONE
from tongban_local.system import System


async def tongban(system: System, *arguments: str | Path) -> tuple[int, str, str]:
    """Run the command line as an operator has it: exit code, output, what it said meanwhile."""
    told = {name: value for service in SERVICES for name, value in system.layout.environment(service).items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tongban_operations"),
        *map(str, arguments),
        env=os.environ | told,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, said = await process.communicate()
    return process.returncode or 0, output.decode(), said.decode()


async def test_a_case_is_followed_by_its_number_from_the_first_request_to_what_still_waits(system: System, sign_in: SignIn) -> None:
    clerk, reviewer = await sign_in("tonggu-clerk"), await sign_in("liuyang-reviewer")
    no = await receive(clerk)
    await transfer_in(reviewer, no, "validated")

    code, output, said = await tongban(system, "trace", no, "--logs", system.layout.data / "logs", "--json")

    steps: list[dict[str, Any]] = json.loads(output)
    received = next(each for each in steps if each["what"] == "case.received")
    validated = next(each for each in steps if each["what"] == "case.validated")
    requests = [each["service"] for each in steps if each["what"] == "log request" and each["trace"] == received["trace"]]
    assert code == 0, said
    assert (received["service"], validated["service"]) == ("intake", "routing")
    assert "routing +" in received["heard_ms"]
    assert validated["trace"] == received["trace"]
    assert {"gateway", "intake"} <= set(requests)
    assert {"clock transfer_sign", "clock acceptance"} <= {each["what"] for each in steps}
    assert not any(personal in output for personal in (NAME, ID_NUMBER, PHONE))


async def test_a_case_that_is_closed_shows_its_credential_and_waits_for_nothing(system: System, sign_in: SignIn) -> None:
    clerk, reviewer, approver = await sign_in("tonggu-clerk"), await sign_in("liuyang-reviewer"), await sign_in("liuyang-approver")
    no = await receive(clerk)
    await sign(reviewer, no)
    await act(reviewer, no, "acceptance")
    await sealed(reviewer, no)
    await act(approver, no, "decision", {"outcome": "granted"})
    await sealed(approver, no)
    await delivered(clerk, no)
    await closed(clerk, no)

    code, output, said = await tongban(system, "trace", no, "--json")

    events = [(each["service"], each["what"]) for each in json.loads(output)]
    assert code == 0, said
    assert events[0] == ("intake", "case.received")
    assert events[-1] == ("intake", "case.closed")
    assert {("credential", "decision.sealed"), ("credential", "credential.issued"), ("routing", "case.decided")} <= set(events)


async def test_a_number_that_no_case_has_is_said_so(system: System) -> None:
    code, output, said = await tongban(system, "trace", "99")

    assert (code, output) == (2, "")
    assert "no such case" in said
