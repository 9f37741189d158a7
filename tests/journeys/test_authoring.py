"""Every block of docs/authoring.md, run in its order against the whole system."""

import asyncio
from pathlib import Path

from tests.operations.handbook import read_blocks
from tongban_local.system import System


async def test_the_calls_of_the_page_write_an_item_agreements_and_delegations(system: System, project: Path, tmp_path: Path) -> None:
    blocks = read_blocks((project / "docs" / "authoring.md").read_text(encoding="utf-8"))
    script = "\n".join(("set -euo pipefail", f"URL={system.layout.url}", *(block.text for block in blocks)))

    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", script, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    told, errors = await asyncio.wait_for(shell.communicate(), 200)

    assert shell.returncode == 0, (told + errors).decode()
    lines = told.decode().split()
    assert lines[:4] == ["draft", "published"] * 2
    assert lines[4:7] == ["table.overlap", "True", "forbidden"]
    counted_by, *published, version, pointer, compared = lines[7:13]
    assert counted_by.startswith("/v1/reports/open-cases?item=")
    assert published == ["reviewed", "published"]
    assert version.startswith("11430181TB0000079K4002023002000-v")
    assert (pointer, compared) == ("/version/promised_limit/amount", "5")
    assert lines[13:15] == ["withdrawn"] * 2
    standard, *agreements_and_delegations, calendar_version = lines[15:]
    assert (standard, agreements_and_delegations) == ("draft", ["draft"] * 6)
    assert calendar_version
