"""``make national``, small: the generator makes the same nation again, and both ways of answering agree. Figures are nobody's business."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.nation import CITY_ITEMS, NOW, Nation, Scale
from bench.national import EARLIER, ask, compare, measure, tell
from contracts.codec import encode
from contracts.documents import address
from contracts.values import JsonObject

SMALL = Scale(places=40, items=12, agreements=60, alliance=16, delegations=90, mergers=200)
QUESTIONS = 500


def test_a_nation_is_made_again_from_its_seed_and_another_from_another() -> None:
    def made(scale: Scale) -> list[object]:
        return [encode(document) for document in Nation(scale=scale).documents()]

    assert made(SMALL) == made(SMALL)
    assert made(SMALL) != made(replace(SMALL, seed=2))


def test_every_place_publishes_every_item_that_cities_do_not() -> None:
    nation = Nation(scale=SMALL)

    published = {(one.region, one.item_code) for one in nation.versions()}
    keys = [address(one)[:2] for one in nation.documents()]

    assert {(place.code, item) for place in nation.places for item in nation.items[:-CITY_ITEMS]} <= published
    assert len(keys) == len(set(keys))
    assert len(nation.agreements[0].alliance) == SMALL.alliance
    assert len(nation.delegations) == SMALL.delegations


def test_organs_are_merged_before_between_and_after_the_instants_asked_and_some_of_their_takers_too() -> None:
    nation = Nation(scale=SMALL)
    merged = {one.code: (one.merged_into, one.merged_at) for one in nation.organs if one.merged_into is not None}

    chains = [(one.at, nation.mergers[one.into.code].at) for one in nation.mergers.values() if one.into.code in merged]

    assert merged == {code: (one.into.code, one.at) for code, one in nation.mergers.items()}
    assert {(one.at > EARLIER, one.at > NOW) for one in nation.mergers.values()} == {(False, False), (True, False), (True, True)}
    assert chains
    assert all(first <= second for first, second in chains)


def test_items_are_re_homed_taken_back_and_replaced() -> None:
    versions = list(Nation(scale=SMALL).versions())
    first = {one.item_id: one for one in reversed(versions)}

    moved = [one for one in versions if one.organ != first[one.item_id].organ]

    assert {one.region == first[one.item_id].region for one in moved} == {True, False}
    assert [one for one in versions if one.state == "withdrawn" and one.version > 1]
    assert [first[item_id].effective_to == one.effective_from for one in versions for item_id in one.succeeds] == [True]


def test_the_whole_nation_has_the_size_that_was_asked_for() -> None:
    nation = Nation()

    counties = [one for one in nation.places if one.level == "county"]

    assert (len(counties), len(nation.places), len(nation.items)) == (2845, 2849, 125)
    assert len(nation.places) * (len(nation.items) - CITY_ITEMS) >= 350_000


def test_a_following_process_answers_as_the_plain_reference_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nation = Nation(scale=SMALL)
    questions = ask(nation, QUESTIONS)

    found = measure(nation, questions, folder=tmp_path)
    other = compare(nation, questions, found.answers)

    kinds = {str(one.get("refused") or one["rule"]) for one in found.answers}
    assert other == []
    assert len(set(questions)) == len(found.answers) == len(found.cpu_us) == QUESTIONS
    assert {"route.own-region", "route.transfer", "route.delegation", "route.city", "route.no-agreement"} <= kinds
    assert any(one.get("agreement") for one in found.answers)
    assert any(one.get("way") for one in found.answers)
    assert any("route.merged" in str(one.get("considered")) for one in found.answers)
    assert tell(nation, found, other, bounds=False) == []
    assert "p99" in capsys.readouterr().out


def test_an_answer_that_differs_is_told(tmp_path: Path) -> None:
    nation = Nation(scale=SMALL)
    questions = ask(nation, 20)
    found = measure(nation, questions, folder=tmp_path)
    answers: list[JsonObject] = [*found.answers[:-1], {"refused": "route.nonsense"}]

    other = compare(nation, questions, answers)

    assert other == [19]
    assert tell(nation, found, other, bounds=False) == ["1 answers differ"]
