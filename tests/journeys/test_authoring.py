"""Every block of docs/authoring.md, run in its order against the whole system."""

from pathlib import Path

from tests.operations.handbook import run_blocks
from tongban_local.system import System


async def test_the_calls_of_the_page_write_an_item_agreements_and_delegations(system: System, project: Path, tmp_path: Path) -> None:
    page = (project / "docs" / "authoring.md").read_text(encoding="utf-8")

    lines = await run_blocks(page, url=system.layout.url, folder=tmp_path)

    assert lines[:4] == ["draft", "published"] * 2
    assert lines[4:7] == ["table.overlap", "True", "forbidden"]
    counted_by, *published, version, pointer, compared = lines[7:13]
    assert counted_by.startswith("/v1/reports/open-cases?item=")
    assert published == ["reviewed", "published"]
    assert version.startswith("11430181TB0000079K4002023002000-v")
    assert (pointer, compared) == ("/version/promised_limit/amount", "5")
    assert lines[13:15] == ["withdrawn"] * 2
    standard, *agreements_and_delegations, drafted, listed, behind, calendar_version = lines[15:]
    assert (standard, agreements_and_delegations) == ("draft", ["draft"] * 6)
    assert (drafted, listed, behind) == ("draft", "published", "XK-0001")
    assert calendar_version
