"""Every block of docs/first-calls.md, run in its order against the whole system."""

from pathlib import Path

from tests.operations.handbook import run_blocks
from tongban_local.system import System


async def test_the_calls_of_the_page_take_a_case_to_its_acceptance(system: System, project: Path, tmp_path: Path) -> None:
    page = (project / "docs" / "first-calls.md").read_text(encoding="utf-8")

    told = await run_blocks(page, url=system.layout.url, folder=tmp_path)

    organ, question, situation, version, verdict, again, signed, accepted, refused = told
    assert (organ, verdict) == ("11430181TB000001XB", "clean")
    assert (question, situation, version) == ("by_agent", "open", "1")
    assert "个体工商户登记 办事指南" in (tmp_path / "guide.html").read_text(encoding="utf-8")
    assert again.startswith("360926")
    assert (signed, accepted, refused) == ("signed_for", "accepted", "forbidden")
