"""Every block of docs/first-calls.md, run in its order against the whole system."""

import asyncio
from pathlib import Path

from tests.operations.handbook import read_blocks
from tongban_local.system import System


async def test_the_calls_of_the_page_take_a_case_to_its_acceptance(system: System, project: Path, tmp_path: Path) -> None:
    blocks = read_blocks((project / "docs" / "first-calls.md").read_text(encoding="utf-8"))
    script = "\n".join(("set -euo pipefail", f"URL={system.layout.url}", *(block.text for block in blocks)))

    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", script, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    told, errors = await asyncio.wait_for(shell.communicate(), 200)

    assert shell.returncode == 0, (told + errors).decode()
    organ, question, situation, version, verdict, again, signed, accepted, refused = told.decode().split()
    assert (organ, verdict) == ("11430181TB000001XB", "clean")
    assert (question, situation, version) == ("by_agent", "open", "1")
    assert "个体工商户登记 办事指南" in (tmp_path / "guide.html").read_text(encoding="utf-8")
    assert again.startswith("360926")
    assert (signed, accepted, refused) == ("signed_for", "accepted", "forbidden")
