"""Everyday words that officers teach the search, what it looked for in vain, and whom it may find."""

import itertools
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from catalog_svc.search.domain import KEPT_FOR, SELDOM_KEPT_FOR, Allowance, without_person
from catalog_svc.search.handlers import renew
from catalog_svc.search.jobs import forget_misses
from catalog_svc.search.outside import SearchIndex
from catalog_svc.search.store import SEARCH_MISSES, add_miss
from catalog_svc.word.store import WORD_ENTRIES
from contracts.values import NATION, ItemCode
from tests.catalog.builders import (
    AUTHOR,
    CLERK,
    LIUYANG,
    NATIONAL_AUTHOR,
    NATIONAL_REVIEWER,
    REVIEWER,
    SOLE_TRADER,
    TONGGU,
    Service,
    a_draft,
)

NEWBORN = "000709006000"
"""新生儿入户"""

NOBODY_SAYS_SO = "嗷嘞嗷嘞"


async def first_found(service: Service, query: str, **more: str) -> str | None:
    await find(service, query, **more)
    return await find(service, query, **more)


async def find(service: Service, query: str, **more: str) -> str | None:
    """One search; where building the index takes long, one after a change of words may not know of it and builds it for the next."""
    found = (await service.get("/search", {"q": query, **more})).json()["items"]
    return found[0]["item_code"] if found else None


async def read(service: Service, path: str, *, by: Any, **query: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {service.gateway.mint(by, audience='catalog')}"}
    return await service.client.get(f"/v1{path}", params=query, headers=headers)


# -- words


async def test_a_word_that_an_officer_gives_is_found_and_given_up_no_more(service: Service) -> None:
    word = {"word": NOBODY_SAYS_SO, "item_code": NEWBORN}

    before = await first_found(service, NOBODY_SAYS_SO)
    added = await service.post("/search/words", word, by=NATIONAL_AUTHOR)
    again = await service.post("/search/words", word, by=NATIONAL_AUTHOR)
    after = await first_found(service, NOBODY_SAYS_SO)
    removed = await service.post("/search/words/removal", word, by=NATIONAL_AUTHOR)
    later = await first_found(service, NOBODY_SAYS_SO)

    assert (added.status_code, again.status_code, removed.status_code) == (201, 200, 200)
    assert (added.json()["changed"], again.json()["changed"]) == (True, False)
    assert (before, after, later) == (None, NEWBORN, None)


async def test_a_word_for_a_word_finds_every_item_that_has_it_in_its_name(service: Service) -> None:
    await service.post("/search/words", {"word": NOBODY_SAYS_SO, "means": "社会保障卡"}, by=NATIONAL_AUTHOR)

    await find(service, NOBODY_SAYS_SO)

    found = (await service.get("/search", {"q": NOBODY_SAYS_SO})).json()["items"]

    assert len(found) == 5
    assert all("社会保障卡" in one["name"] for one in found)


async def test_a_word_of_a_region_is_known_there_and_below_and_nowhere_else(service: Service) -> None:
    await service.hear_all()
    await service.post("/search/words", {"word": NOBODY_SAYS_SO, "item_code": NEWBORN, "region": LIUYANG}, by=AUTHOR)

    assert await first_found(service, NOBODY_SAYS_SO, region=LIUYANG) == NEWBORN
    assert await first_found(service, NOBODY_SAYS_SO, region=TONGGU) is None
    assert await first_found(service, NOBODY_SAYS_SO) is None


@pytest.mark.parametrize(
    ("word", "rule", "pointer"),
    [
        ({"item_code": NEWBORN, "means": "入户"}, "word.one-meaning", "/means"),
        ({}, "word.one-meaning", "/means"),
        ({"item_code": "000000000000"}, "word.item-unknown", "/item_code"),
        ({"means": NOBODY_SAYS_SO}, "word.same", "/means"),
        ({"word": "abc", "item_code": NEWBORN}, "word.characters", "/word"),
        ({"means": "abc"}, "word.characters", "/means"),
    ],
)
async def test_a_word_that_makes_no_sense_is_refused_with_its_field(seeded: Service, word: dict[str, str], rule: str, pointer: str) -> None:
    answer = await seeded.post("/search/words", {"word": NOBODY_SAYS_SO, **word}, by=NATIONAL_AUTHOR)

    assert (answer.status_code, answer.json()["rule"]) == (422, "word.unsound")
    assert {"rule": rule, "pointer": pointer}.items() <= answer.json()["errors"][0].items()


async def test_what_a_word_means_everywhere_is_said_by_the_nation_alone(seeded: Service) -> None:
    answer = await seeded.post("/search/words", {"word": NOBODY_SAYS_SO, "means": "入户", "region": LIUYANG}, by=AUTHOR)
    elsewhere = await seeded.post("/search/words", {"word": NOBODY_SAYS_SO, "means": "入户"}, by=AUTHOR)

    assert answer.json()["errors"][0]["rule"] == "word.nation-only"
    assert elsewhere.status_code == 403


async def test_only_an_author_of_the_region_gives_words(seeded: Service) -> None:
    word = {"word": NOBODY_SAYS_SO, "item_code": NEWBORN, "region": LIUYANG}

    answers = [await seeded.post(path, word, by=by) for path in ("/search/words", "/search/words/removal") for by in (CLERK, REVIEWER)]

    assert [answer.status_code for answer in answers] == [403] * 4


async def test_a_word_that_does_not_hold_cannot_be_given_up(seeded: Service) -> None:
    answer = await seeded.post("/search/words/removal", {"word": NOBODY_SAYS_SO, "item_code": NEWBORN}, by=NATIONAL_AUTHOR)

    assert (answer.status_code, answer.json()["rule"]) == (404, "word.not-found")


async def test_every_entry_says_who_gave_and_who_gave_up_a_word(service: Service) -> None:
    word = {"word": NOBODY_SAYS_SO, "item_code": NEWBORN}
    for path in ("/search/words", "/search/words/removal", "/search/words"):
        await service.post(path, word, by=NATIONAL_AUTHOR)

    async with service.context.database.read(service.context) as tx:
        rows = await tx.execute(select(WORD_ENTRIES).where(WORD_ENTRIES.c.word == NOBODY_SAYS_SO).order_by(WORD_ENTRIES.c.entry_id))

    assert [(row.holds, row.by) for row in rows] == [(True, NATIONAL_AUTHOR.ref), (False, NATIONAL_AUTHOR.ref), (True, NATIONAL_AUTHOR.ref)]


async def test_the_words_are_listed_in_pages_without_who_gave_them(seeded: Service) -> None:
    pages = []
    after: int | None = 0
    while after is not None:
        page = (await seeded.get("/search/words", {"after": str(after), "limit": "200"})).json()
        pages.append(page["items"])
        after = page["next"]

    listed = list(itertools.chain(*pages))
    assert {"word": "驾照", "item_code": None, "means": "驾驶证", "region": NATION} in listed
    assert len(pages) > 1
    assert len({tuple(one.items()) for one in listed}) == len(listed)


# -- searches in vain


async def test_what_several_people_look_for_in_vain_is_shown_to_the_officers_of_the_place(service: Service) -> None:
    await service.hear_all()
    for _ in range(3):
        await service.get("/search", {"q": f"{NOBODY_SAYS_SO}?", "region": LIUYANG})
    await service.get("/search", {"q": "只问过一次嘞", "region": LIUYANG})

    here = (await read(service, "/search/misses", by=AUTHOR, region=LIUYANG)).json()["items"]
    nation = (await read(service, "/search/misses", by=NATIONAL_REVIEWER)).json()["items"]
    elsewhere = (await read(service, "/search/misses", by=NATIONAL_REVIEWER, region=TONGGU)).json()["items"]

    assert [(one["region"], one["words"], one["times"]) for one in here] == [(LIUYANG, NOBODY_SAYS_SO, 3)]
    assert nation == here
    assert elsewhere == []


async def test_searches_in_vain_are_shown_to_nobody_else(seeded: Service) -> None:
    assert (await read(seeded, "/search/misses", by=CLERK, region=LIUYANG)).status_code == 403
    assert (await read(seeded, "/search/misses", by=AUTHOR, region=TONGGU)).status_code == 403
    assert (await seeded.get("/search/misses")).status_code == 401


async def test_searches_in_vain_come_in_pages_the_most_frequent_first(service: Service) -> None:
    for times, words in ((3, "嗷嗷嗷"), (5, "嘞嘞嘞"), (4, "哐哐哐")):
        for _ in range(times):
            await service.get("/search", {"q": words})

    first = (await read(service, "/search/misses", by=NATIONAL_REVIEWER, limit="2")).json()
    second = (await read(service, "/search/misses", by=NATIONAL_REVIEWER, limit="2", cursor=first["next"])).json()

    assert [one["words"] for one in first["items"]] == ["嘞嘞嘞", "哐哐哐"]
    assert ([one["words"] for one in second["items"]], second["next"]) == (["嗷嗷嗷"], None)


@pytest.mark.parametrize(
    "query", ["嗷430181199001011234", "嗷 138 1234 5678", "嗷一三八一二三四五六七八", "嗷1-2-3-4-5", "a@b.cn嗷嘞", "嗷" * 31]
)
async def test_a_search_that_may_be_about_a_person_is_not_kept(service: Service, query: str) -> None:
    await service.get("/search", {"q": query})

    async with service.context.database.read(service.context) as tx:
        assert (await tx.execute(select(SEARCH_MISSES))).all() == []


@given(st.text(alphabet="0123456789Xx零〇一二三四五六七八九 -._()嗷", min_size=5, max_size=60))
def test_no_number_of_five_digits_is_ever_kept(text: str) -> None:
    kept = without_person(text)

    digits = sum(mark in "0123456789零〇一二三四五六七八九" for mark in kept or "")
    assert digits < 7
    assert "12345" not in (without_person(f"{text}1 2 3-4.5") or "")


async def test_a_search_that_found_something_is_not_kept(service: Service) -> None:
    await service.get("/search", {"q": "身份证丢了"})

    async with service.context.database.read(service.context) as tx:
        assert (await tx.execute(select(SEARCH_MISSES))).all() == []


async def test_what_nobody_looked_for_in_a_while_is_forgotten(service: Service) -> None:
    for words in ("嗷嗷嗷", "嘞嘞嘞"):
        await service.get("/search", {"q": words})
    async with service.context.database.begin(service.context) as tx:
        old = SEARCH_MISSES.c.words == "嗷嗷嗷"
        await tx.execute(update(SEARCH_MISSES).where(old).values(last_at=SEARCH_MISSES.c.last_at - KEPT_FOR))

    await forget_misses(service.context)

    async with service.context.database.read(service.context) as tx:
        assert [row.words for row in await tx.execute(select(SEARCH_MISSES))] == ["嘞嘞嘞"]


async def test_a_flood_of_searches_in_vain_is_written_down_up_to_its_allowance(service: Service) -> None:
    service.context.misses = Allowance(most=2)
    for words in ("嗷嗷嗷", "嘞嘞嘞", "哐哐哐"):
        await service.get("/search", {"q": words})

    async with service.context.database.read(service.context) as tx:
        assert {row.words for row in await tx.execute(select(SEARCH_MISSES))} == {"嗷嗷嗷", "嘞嘞嘞"}


async def test_a_full_table_gives_up_what_was_seldom_asked_and_keeps_what_many_ask(service: Service) -> None:
    for words, times in (("嗷嗷嗷", 3), ("嘞嘞嘞", 1), ("哐哐哐", 1), ("嗡嗡嗡", 1)):
        for _ in range(times):
            async with service.context.database.begin(service.context) as tx:
                await add_miss(tx, words, region=NATION, most=2, below=3)

    async with service.context.database.read(service.context) as tx:
        assert {row.words for row in await tx.execute(select(SEARCH_MISSES))} == {"嗷嗷嗷", "嗡嗡嗡"}


async def test_what_is_seldom_asked_is_forgotten_sooner(service: Service) -> None:
    for words in ("嗷嗷嗷", "嗷嗷嗷", "嗷嗷嗷", "嘞嘞嘞"):
        await service.get("/search", {"q": words})
    async with service.context.database.begin(service.context) as tx:
        await tx.execute(update(SEARCH_MISSES).values(last_at=SEARCH_MISSES.c.last_at - SELDOM_KEPT_FOR))

    await forget_misses(service.context)

    async with service.context.database.read(service.context) as tx:
        assert [row.words for row in await tx.execute(select(SEARCH_MISSES))] == ["嗷嗷嗷"]


# -- the index as words change


async def test_a_search_does_not_wait_for_an_index_that_takes_long_and_the_next_one_has_it(service: Service) -> None:
    await service.get("/search", {"q": "居民身份证换领"})
    assert service.context.search_index is not None
    service.context.search_index.seconds = 60.0
    await service.post("/search/words", {"word": NOBODY_SAYS_SO, "item_code": NEWBORN}, by=NATIONAL_AUTHOR)

    assert await find(service, NOBODY_SAYS_SO) is None
    assert await find(service, NOBODY_SAYS_SO) == NEWBORN


async def test_an_older_index_never_takes_a_newer_ones_place(service: Service) -> None:
    await service.get("/search", {"q": "居民身份证换领"})
    newer = service.context.search_index
    assert newer is not None
    newer.edition = (newer.edition[0] + 1, newer.edition[1])

    await renew(service.context)

    assert service.context.search_index is newer


# -- whom the search is about


async def test_only_what_can_be_received_or_decided_here_is_found_when_asked_for(service: Service) -> None:
    await service.hear_all()
    everywhere = (await service.get("/search", {"q": "登记", "region": TONGGU, "limit": "50"})).json()["items"]
    here = (await service.get("/search", {"q": "登记", "region": TONGGU, "here": "true", "limit": "50"})).json()["items"]
    far = (await service.get("/search", {"q": "登记", "region": "110101", "here": "true", "limit": "50"})).json()["items"]

    assert {one["item_code"] for one in here} < {one["item_code"] for one in everywhere}
    assert SOLE_TRADER in {one["item_code"] for one in here}
    assert all(one["service_items"] for one in here)
    assert far == []


async def test_an_offer_of_another_place_counts_as_here_by_an_agreement_only(seeded: Service) -> None:
    [found] = (await seeded.get("/search", {"q": "个体工商户登记", "region": TONGGU, "here": "true", "limit": "1"})).json()["items"]

    for offer in found["service_items"]:
        asked = {"item": SOLE_TRADER, "region": offer["region"], "from": TONGGU}
        assert (await seeded.get("/routes", asked)).status_code == 200
    assert LIUYANG in {offer["region"] for offer in found["service_items"]}


async def test_here_without_a_region_is_refused(seeded: Service) -> None:
    answer = await seeded.get("/search", {"q": "登记", "here": "true"})

    assert (answer.status_code, answer.json()["rule"]) == (422, "search.nowhere")
    assert answer.json()["errors"][0]["pointer"] == "/region"


@pytest.mark.parametrize("mode", ["local", "fully_online", "collect_here", "joint"])
async def test_only_what_is_offered_in_the_mode_is_found_when_asked_for(seeded: Service, mode: str) -> None:
    found = (await seeded.get("/search", {"q": "户口迁移", "mode": mode, "limit": "50"})).json()["items"]

    assert all(mode in offer["modes"] for one in found for offer in one["service_items"])
    assert all(one["service_items"] for one in found)


async def test_only_what_stands_on_a_list_of_the_level_is_found_when_asked_for(service: Service) -> None:
    body = a_draft("居住证申领")
    body["version"]["lists"] = [["town", "nearby"], ["village", "assisted"]]
    await service.publish(body)
    await service.hear_all()
    service.context.now.set_offset(timedelta(days=1).total_seconds())

    async def named(**query: str) -> list[str]:
        return [one["name"] for one in (await service.get("/search", {"q": "居住证", **query})).json()["items"]]

    assert await named(level="town") == ["居住证申领"]
    assert await named(level="village", list="assisted") == ["居住证申领"]
    assert await named(level="town", list="assisted") == []
    assert await named(list="mobile") == []
    assert await named() == ["居住证申领"]
    everything = (await service.get("/search", {"region": LIUYANG, "here": "true", "level": "village", "limit": "50"})).json()
    of_villages = {one["name"] for one in everything["items"]}
    assert "居住证申领" in of_villages
    assert "不动产抵押登记" not in of_villages, "on the lists of county and town alone"


async def test_pages_of_a_search_follow_one_another_without_a_gap(seeded: Service) -> None:
    whole = [one["item_code"] for one in (await seeded.get("/search", {"q": "公积金", "limit": "50"})).json()["items"]]
    paged: list[str] = []
    skip: int | None = 0
    while skip is not None:
        page = (await seeded.get("/search", {"q": "公积金", "limit": "3", "skip": str(skip)})).json()
        paged += [one["item_code"] for one in page["items"]]
        skip = page["next"]

    assert paged == whole
    assert len(paged) > 9


# -- the index


@given(st.text(max_size=80))
def test_no_text_brings_the_index_down_and_every_score_is_a_share(query: str) -> None:
    hits = INDEX.find(query, limit=10)

    assert all(0 < hit.score <= 1 for hit in hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


INDEX = SearchIndex(
    [
        (ItemCode("000709008000"), "居民身份证换领"),
        (ItemCode("002009004000"), "补换领机动车驾驶证"),
        (ItemCode("002017001000"), "提取还款"),
    ],
    words={ItemCode("002009004000"): [("驾照", NATION)]},
    terms={"身份证": ["居民身份证"]},
    edition=(1, 0),
)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("身份證換領", "000709008000"),
        ("senfenzhen huanlin", "000709008000"),
        ("sfzhl", "000709008000"),
        ("换领身分证", "000709008000"),
        ("jiazao", "002009004000"),
        ("架照", "002009004000"),
        ("huankuan", "002017001000"),
        ("haikuan", "002017001000"),
        ("请问一下身份证怎么换领呢", "000709008000"),
    ],
)
def test_traditional_accented_abbreviated_and_mistyped_words_are_understood(query: str, code: str) -> None:
    assert INDEX.find(query, limit=1)[0].item_code == code
