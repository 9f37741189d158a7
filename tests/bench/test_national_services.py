"""The nation in real services, small: what `make national` does with all of it. Figures are nobody's business."""

import re

import pytest

from bench.nation import Nation, Scale
from bench.nation_publishing import record_of
from bench.national_services import FOLLOWING, run

SMALL = Scale(places=8, items=5, agreements=6, alliance=3, delegations=4)


def test_a_published_version_is_what_the_catalogue_tells_of_its_own_row() -> None:
    versions = list(Nation(scale=SMALL).versions())

    assert [record_of(one).document() for one in versions] == versions


def test_every_follower_is_started_from_nothing_and_from_its_tables_and_holds_what_is_changed(capsys: pytest.CaptureFixture[str]) -> None:
    run(Nation(scale=SMALL), changes=2, looks=2)

    told = capsys.readouterr().out
    for name in FOLLOWING:
        for kind in ("alone, from the topics", "alone, from its tables"):
            assert f"{name} {kind}, ready" in told
            assert f"{name} {kind}, memory" in told
        assert len(re.findall(rf"{name} together, from", told)) == 2
    assert "p99 of 2 changes" in told
    assert "route explained: p50" in told
    assert "topic catalog.versions.v1" in told
