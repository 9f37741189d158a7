"""Negative lists: written by two officers as whole editions, looked up by anybody by words, list, edition and day."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from catalog_svc.negative_list.domain import grams, searched
from catalog_svc.negative_list.store import Sought, entries_query
from catalog_svc.seed.reading import Seed
from contracts.caller import Role
from tests.catalog.builders import AUTHOR, BOTH, CLERK, LIUYANG, NATIONAL_AUTHOR, NATIONAL_REVIEWER, REVIEWER, TONGGU, Service, officer

FOREIGN = "foreign-investment-2024"

EDITION: dict[str, Any] = {
    "edition_id": "liuyang-industry-2020",
    "kind": "liuyang-industry",
    "name": "产业准入负面清单",
    "name_en": "Negative list of industries",
    "region": LIUYANG,
    "issued_by": ["浏阳市人民政府", "浏阳市发展和改革局"],
    "order": "浏政发〔2020〕1号",
    "edition": "2020年版",
    "valid_from": "2020-01-01",
    "valid_to": "2022-01-01",
    "entries_total": 3,
    "verbatim": True,
    "entries": [
        {"number": 1, "field": "采矿业", "measure": "禁止新建石灰石采选项目", "industries": ["B1011"]},
        {"number": 3, "field": "制造业", "measure": "限制ＰＶＣ普通人造革生产线", "industries": ["C292", "C"]},
    ],
}
NEXT = EDITION | {"edition_id": "liuyang-industry-2022", "edition": "2022年版", "valid_from": "2022-01-01", "valid_to": None}


def an_edition(**said: Any) -> dict[str, Any]:
    return copy.deepcopy(EDITION | said)


async def publish(service: Service, edition: dict[str, Any]) -> None:
    drafted = await service.post("/negative-lists", edition, by=AUTHOR)
    assert drafted.status_code == 201, drafted.text
    reviewed = await service.post(f"/negative-lists/{edition['edition_id']}/review", by=REVIEWER)
    assert reviewed.status_code == 200, reviewed.text


async def find(service: Service, **query: str) -> list[tuple[str, int]]:
    answer = await service.get("/negative-list-entries", query)
    assert answer.status_code == 200, answer.text
    return [(one["edition"]["edition_id"], one["number"]) for one in answer.json()["items"]]


def defects(answer: Any) -> list[tuple[str, str]]:
    return [(one["rule"], one["pointer"]) for one in answer.json()["errors"]]


# -- looked up


async def test_anybody_looks_up_a_measure_by_a_word_of_it(seeded: Service) -> None:
    [found] = (await seeded.get("/negative-list-entries", {"q": "核电站"})).json()["items"]

    assert (found["number"], found["field"], found["industries"]) == (6, "电力、热力、燃气及水生产和供应业", ["D"])
    assert (found["edition"]["edition_id"], found["edition"]["order"]) == (FOREIGN, "国家发展改革委、商务部令2024年第23号")


async def test_every_answer_says_how_much_of_the_edition_stands_here_and_in_whose_words(service: Service) -> None:
    await publish(service, EDITION)
    edition = EDITION["edition_id"]

    shown = [
        (await service.get("/negative-list-entries", {"edition": edition})).json()["items"][0]["edition"],
        (await service.get("/negative-lists", {"kind": EDITION["kind"]})).json()["items"][0],
        (await service.get(f"/negative-lists/{edition}")).json(),
    ]

    assert [(one["entries_total"], one["entries_held"], one["complete"], one["verbatim"]) for one in shown] == [(3, 2, False, True)] * 3
    foreign = (await service.get(f"/negative-lists/{FOREIGN}")).json()
    assert (foreign["entries_total"], foreign["complete"], foreign["verbatim"]) == (29, True, False)
    assert [one["number"] for one in foreign["entries"]] == list(range(1, 30))


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("石灰石", [1]),
        ("石", [1]),
        ("禁止 石灰石", [1]),
        ("石灰石 人造革", []),
        ("石人", []),
        ("pvc", [3]),
        ("B1011", [1]),
        ("制造业", [3]),
        ("", [1, 3]),
        ("%", []),
        ("_", []),
    ],
)
async def test_every_word_must_occur_whatever_its_case_and_width(service: Service, words: str, numbers: list[int]) -> None:
    await publish(service, EDITION)

    assert await find(service, q=words, edition=EDITION["edition_id"]) == [(EDITION["edition_id"], number) for number in numbers]


async def test_what_is_in_force_today_is_found_and_what_was_on_a_day_or_in_an_edition_when_asked_for(service: Service) -> None:
    await publish(service, EDITION)
    await publish(service, NEXT)
    old, new = ([(one["edition_id"], 1)] for one in (EDITION, NEXT))

    assert await find(service, q="石灰石") == new
    assert await find(service, q="石灰石", day="2021-12-31") == old
    assert await find(service, q="石灰石", day="2022-01-01") == new
    assert await find(service, q="石灰石", day="2019-12-31") == []
    assert await find(service, q="石灰石", edition=EDITION["edition_id"]) == old
    assert await find(service, q="石灰石", edition=EDITION["edition_id"], day="2022-01-01") == []


async def test_lists_are_told_apart_by_kind_and_region(service: Service) -> None:
    await publish(service, NEXT)
    mine = [(NEXT["edition_id"], 1), (NEXT["edition_id"], 3)]

    assert await find(service, kind="liuyang-industry") == mine
    assert await find(service, region=LIUYANG) == mine
    assert await find(service, region=TONGGU) == []
    listed = (await service.get("/negative-lists", {"day": "2024-10-31"})).json()["items"]
    assert [one["edition_id"] for one in listed] == [NEXT["edition_id"]]


async def test_measures_come_in_pages_without_a_gap(seeded: Service) -> None:
    pages: list[list[tuple[str, int]]] = []
    after: str | None = ""
    while after is not None:
        page = (await seeded.get("/negative-list-entries", {"q": "禁止", "limit": "4", "after": after})).json()
        pages.append([(one["edition"]["edition_id"], one["number"]) for one in page["items"]])
        after = page["next"]

    assert [one for page in pages for one in page] == await find(seeded, q="禁止", limit="100")
    assert len(pages) > 3


async def test_a_rare_word_among_many_entries_is_found_by_the_index_on_its_characters(service: Service) -> None:
    entries = [{"number": at, "field": "制造业", "measure": f"限制第{at}类项目"} for at in range(1, 501)]
    for year in range(2000, 2008):
        begins, ends = f"{year}-01-01", f"{year + 1}-01-01"
        many = an_edition(edition_id=f"many-{year}", kind="many", valid_from=begins, valid_to=ends, entries=entries, entries_total=500)
        await publish(service, many)
    async with service.context.database.begin(service.context) as tx:
        await tx.execute(text("analyze negative_list_entries"))
        asked = entries_query(Sought(words=("核电站",)), after=("", 0), limit=20)
        written = asked.compile(dialect=tx.connection.dialect, compile_kwargs={"literal_binds": True})
        plan = await tx.execute(text(f"explain {written}"))
        lines = [row[0] for row in plan]

    assert any("ix_negative_list_entries_grams" in line for line in lines), lines
    assert await find(service, q="核电站") == [(FOREIGN, 6)]


@given(st.text(max_size=30), st.text(max_size=12), st.text(max_size=30))
def test_the_characters_and_pairs_of_what_occurs_are_those_of_the_text(before: str, word: str, behind: str) -> None:
    whole = searched(before) + searched(word) + searched(behind)

    assert grams(searched(word)) <= grams(whole)


@pytest.mark.parametrize("query", [{"day": "gestern"}, {"edition": "X"}, {"after": "foreign"}, {"q": "字" * 61}, {"limit": "0"}])
async def test_a_question_that_makes_no_sense_is_refused(seeded: Service, query: dict[str, str]) -> None:
    assert (await seeded.get("/negative-list-entries", query)).status_code == 422


async def test_an_edition_that_nobody_published_is_absent(seeded: Service) -> None:
    answer = await seeded.get("/negative-lists/no-such-list")

    assert (answer.status_code, answer.json()["rule"]) == (404, "negative-list.unknown")


# -- written


async def test_an_edition_is_seen_when_a_second_officer_has_published_it(service: Service) -> None:
    path = f"/negative-lists/{EDITION['edition_id']}"
    await service.post("/negative-lists", EDITION, by=BOTH)

    own = await service.post(f"{path}/review", by=BOTH)
    before = await service.get(path)
    read = await service.get_as(f"{path}/draft", by=REVIEWER)
    stale = await service.post(f"{path}/review", by=REVIEWER, tag='"99"')
    reviewed = await service.post(f"{path}/review", by=REVIEWER)

    assert (own.status_code, own.json()["rule"]) == (403, "proposal.same-person")
    assert (before.status_code, stale.status_code, reviewed.status_code) == (404, 412, 200)
    assert (await service.post("/negative-lists", read.json(), by=AUTHOR)).json()["changed"] is False
    assert len((await service.get(path)).json()["entries"]) == 2


async def test_a_corrected_edition_takes_the_place_of_what_stood_there(service: Service) -> None:
    await publish(service, EDITION)
    corrected = an_edition(entries=[{"number": 2, "field": "农业", "measure": "禁止毁林开荒"}])

    await publish(service, corrected)

    assert await find(service, edition=EDITION["edition_id"]) == [(EDITION["edition_id"], 2)]
    assert await find(service, q="石灰石", day="2021-01-01") == []


async def test_only_officers_of_the_region_write_its_lists(service: Service) -> None:
    await publish(service, EDITION)
    elsewhere = officer(Role.CATALOGUE_AUTHOR, region=TONGGU)

    answers = [
        await service.post("/negative-lists", an_edition(name="别的"), by=CLERK),
        await service.post("/negative-lists", an_edition(name="别的"), by=REVIEWER),
        await service.post("/negative-lists", an_edition(region="100000", edition_id="other"), by=AUTHOR),
        await service.post("/negative-lists", an_edition(region=TONGGU), by=elsewhere),
    ]

    assert [one.status_code for one in answers] == [403] * 4


@pytest.mark.parametrize(
    ("said", "rule", "pointer"),
    [
        ({"region": "999999"}, "negative-list.region-unknown", "/region"),
        ({"valid_to": "2020-01-01"}, "negative-list.period", "/valid_to"),
        (
            {"entries_total": 1, "entries": [EDITION["entries"][0], {**EDITION["entries"][1], "number": 1}]},
            "negative-list.total",
            "/entries_total",
        ),
        ({"entries_total": 2}, "negative-list.number", "/entries/1/number"),
        ({"entries": [EDITION["entries"][0]] * 2}, "negative-list.number-twice", "/entries/1/number"),
        (
            {"entries": [{"number": 1, "field": "制造业", "measure": "禁止", "industries": ["C", "C0111"]}]},
            "negative-list.industry",
            "/entries/0/industries/1",
        ),
    ],
)
async def test_an_edition_that_contradicts_itself_is_refused_with_its_field(
    seeded: Service, said: dict[str, Any], rule: str, pointer: str
) -> None:
    edition = an_edition(region="100000") | said

    answer = await seeded.post("/negative-lists", edition, by=NATIONAL_AUTHOR)

    assert (answer.status_code, answer.json()["rule"]) == (422, "negative-list.unsound")
    assert (rule, pointer) in defects(answer)


@pytest.mark.parametrize("said", [{"issued_by": []}, {"entries": []}, {"order": " "}, {"valid_from": "2020-02-30"}, {"unheard": 1}])
async def test_an_edition_without_who_what_or_when_is_refused(seeded: Service, said: dict[str, Any]) -> None:
    assert (await seeded.post("/negative-lists", an_edition(**said), by=AUTHOR)).status_code == 422


async def test_no_two_editions_of_a_list_are_in_force_on_one_day(service: Service) -> None:
    await publish(service, an_edition(valid_to=None))
    drafted_beside = an_edition(edition_id="liuyang-industry-2019", valid_from="2019-01-01", valid_to="2020-01-01")

    refused = await service.post("/negative-lists", NEXT, by=AUTHOR)
    await publish(service, EDITION)
    await publish(service, NEXT)
    await publish(service, drafted_beside)
    other_kind = await service.post("/negative-lists", NEXT | {"edition_id": "other", "kind": "other-list"}, by=AUTHOR)

    assert (refused.status_code, defects(refused)) == (422, [("negative-list.overlap", "/valid_from")])
    assert other_kind.status_code == 201


async def test_of_two_drafts_for_the_same_days_only_the_first_is_published(service: Service) -> None:
    for edition_id in ("first-2020", "second-2020"):
        assert (await service.post("/negative-lists", an_edition(edition_id=edition_id), by=AUTHOR)).status_code == 201

    first = await service.post("/negative-lists/first-2020/review", by=REVIEWER)
    second = await service.post("/negative-lists/second-2020/review", by=REVIEWER)

    assert (first.status_code, second.status_code) == (200, 422)
    assert defects(second) == [("negative-list.overlap", "/valid_from")]
    assert (await service.get("/negative-lists/second-2020")).status_code == 404


async def test_the_national_list_is_corrected_by_the_nations_officers(service: Service) -> None:
    [edition] = Seed().negative_lists()
    sent = {**(await service.get(f"/negative-lists/{FOREIGN}")).json(), "edition": "2024年版(勘误)"}
    body = {name: value for name, value in sent.items() if name not in {"entries_held", "complete"}}

    by_county = await service.post("/negative-lists", body, by=AUTHOR)
    drafted = await service.post("/negative-lists", body, by=NATIONAL_AUTHOR)
    reviewed = await service.post(f"/negative-lists/{FOREIGN}/review", by=NATIONAL_REVIEWER)

    assert (by_county.status_code, drafted.status_code, reviewed.status_code) == (403, 201, 200)
    assert (edition.complete, len({one.measure for one in edition.entries})) == (True, 29)
