"""The citizen's guide 办事指南: made from the published version, as a page and as JSON, whatever an item's texts say."""

from dataclasses import fields, is_dataclass, replace
from enum import Enum
from html.parser import HTMLParser
from typing import Any

import pytest

from catalog_svc.guide.domain.organs import Named, OrganShown, Paper
from catalog_svc.service_guide.domain.content import Surroundings, write_guide
from catalog_svc.service_guide.domain.markup import tag, text, together
from catalog_svc.service_guide.domain.page import POLICY, STYLE, write_page
from contracts.delegations import DelegationKind
from contracts.values import JsonObject, OrganCode
from tests.catalog.builders import LIUYANG, MARKET, SOLE_TRADER, SOLE_TRADER_ITEM, Service, a_draft
from tests.support.sending import statements

PATH = f"/v1/service-guides/{SOLE_TRADER_ITEM}"
PAGE = {"accept": "text/html,application/xhtml+xml"}

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&lt;b&gt; </style><!-- ]]> javascript:alert(1) \u202egnp.exe"


class Read(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.shown: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.shown.append(data)

    @property
    def text(self) -> str:
        return "".join(self.shown)


ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "span", "footer"),
    *("table", "thead", "tbody", "tr", "th", "td", "ol", "li"),
}
ATTRIBUTES = {"lang", "charset", "name", "content", "class", "scope"}


async def get(service: Service, path: str = PATH, *, page: bool = False, **query: str) -> Any:
    return await service.client.get(path, params=query, headers=PAGE if page else {})


async def test_the_guide_says_its_version_since_when_it_holds_and_where_it_is_read_again(seeded: Service) -> None:
    guide = (await get(seeded)).json()

    assert (guide["version"], guide["version_id"], guide["valid_until"]) == (1, f"{SOLE_TRADER_ITEM}-v1", None)
    assert guide["url"] == f"http://catalog{PATH}?version=1"
    assert (await seeded.client.get(guide["url"])).json() == guide


async def test_item_and_region_find_the_guide_of_the_organ_that_holds_the_power(seeded: Service) -> None:
    found = await get(seeded, "/v1/service-guides", item=SOLE_TRADER, region=LIUYANG)

    assert found.json() == (await get(seeded)).json()
    assert found.json()["organ"]["code"] == MARKET


async def test_each_situation_has_its_own_checklist_with_law_and_condition(seeded: Service) -> None:
    guide = (await get(seeded)).json()

    lists = {one["situation_id"]: {line["code"]: line for line in one["materials"]} for one in guide["situations"]}
    assert set(lists) == {"open", "change", "cancel", "replace"}
    assert len({frozenset(codes) for codes in lists.values()}) == 4
    assert "tax_clearance" in lists["cancel"]
    assert "tax_clearance" not in lists["open"]
    assert lists["open"]["mandate"]["when"]["zh"] == "“是否由他人代为办理”为“是”"
    assert lists["open"]["application_form"]["when"] is None
    assert all(line["basis"] for codes in lists.values() for line in codes.values())


async def test_one_situation_can_be_read_alone(seeded: Service) -> None:
    guide = (await get(seeded, situation="cancel")).json()

    assert [one["situation_id"] for one in guide["situations"]] == ["cancel"]
    assert guide["url"].endswith("?version=1&situation=cancel")


@pytest.mark.parametrize(
    ("path", "query", "status", "rule"),
    [
        (PATH, {"situation": "sell"}, 422, "guide.answer-invalid"),
        (PATH, {"situation": "<b>"}, 422, "request.malformed"),
        (PATH, {"version": "7"}, 404, "item.unknown"),
        (PATH, {"version": "0"}, 422, "request.malformed"),
        (PATH, {"format": "pdf"}, 422, "request.malformed"),
        (PATH, {"as_of": "2001-01-01T00:00:00Z"}, 404, "item.unknown"),
        ("/v1/service-guides", {"item": SOLE_TRADER, "region": "439999"}, 409, "route.region-unknown"),
        ("/v1/service-guides", {"item": SOLE_TRADER, "region": "430182"}, 409, "route.no-organ"),
        ("/v1/service-guides", {"item": SOLE_TRADER}, 422, "request.malformed"),
    ],
)
async def test_what_is_not_there_is_refused_by_its_rule(seeded: Service, path: str, query: dict[str, str], status: int, rule: str) -> None:
    refused = await seeded.client.get(path, params=query)

    assert (refused.status_code, refused.json()["rule"]) == (status, rule)


async def test_the_page_says_what_the_json_says(seeded: Service) -> None:
    guide = (await get(seeded)).json()
    shown = Read((await get(seeded, page=True)).text).text

    organ = guide["organ"]
    told = [
        guide["name"],
        guide["task_code"],
        guide["url"],
        organ["name"],
        organ["reconsideration_organ"],
        guide["result"]["name"],
    ]
    told += [*guide["conditions"], *guide["legal_basis"], guide["fees"], guide["approval"]["zh"], "第 1 版 Version 1"]
    told += [text for one in guide["situations"] for text in (one["name"], one["name_en"], one["when"]["zh"])]
    told += [text for one in guide["situations"] for line in one["materials"] for text in (line["name"], line["name_en"], line["basis"])]
    told += [text for one in guide["limits"] for text in (one["zh"], one["en"], one["basis"])]
    told += [field["zh"] for field in guide["form"]] + [one["reason"] for one in guide["denial_grounds"]]
    assert [one for one in told if one not in shown] == []
    # An address of data is nothing to somebody who holds the printed page.
    assert guide["powers"] not in shown


async def test_the_page_loads_nothing_runs_nothing_and_says_so(seeded: Service) -> None:
    answer = await get(seeded, page=True)
    page = Read(answer.text)

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == POLICY
    assert POLICY.startswith("default-src 'none'; style-src 'sha256-")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert page.tags <= ELEMENTS
    assert page.attributes <= ATTRIBUTES
    assert not {"url(", "@import", "expression"} & set(STYLE.split())
    assert "@page{size:A4" in STYLE


async def test_every_guide_of_the_seed_is_a_sound_page(seeded: Service) -> None:
    catalogue = seeded.context.catalogue
    for code in catalogue.items():
        for region in catalogue.regions_of(code):
            for entry in catalogue.versions_of(code, region):
                page = Read((await get(seeded, f"/v1/service-guides/{entry.item_id}", page=True)).text)

                assert page.open == []
                assert page.tags <= ELEMENTS
                assert entry.shape.name in page.text


LOOKED_UP = {"project_type", "modes", "service_objects", "source", "necessity", "type", "unit", "valid_from", "valid_until", "required"}


def spoil(value: Any) -> Any:
    """A guide with every text that the page shows as people wrote it hostile; what it looks up stays."""
    if isinstance(value, Enum):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        own = LOOKED_UP | ({"name"} if type(value).__name__ == "LimitShown" else set())
        return replace(value, **{one.name: spoil(getattr(value, one.name)) for one in fields(value) if one.name not in own})
    if isinstance(value, tuple):
        return tuple(spoil(one) for one in value)
    return HOSTILE if isinstance(value, str) else value


async def test_hostile_texts_in_every_field_stay_text(seeded: Service) -> None:
    parts = seeded.context.catalogue.parts(f"{SOLE_TRADER_ITEM}-v1")  # type: ignore[arg-type]
    assert parts is not None
    paper = Paper(kind=DelegationKind.DELEGATION, delegator=MARKET, delegator_name=HOSTILE, number=HOSTILE, title=HOSTILE)
    organ = OrganShown(
        code=MARKET,
        name=HOSTILE,
        region=LIUYANG,
        region_name=HOSTILE,
        telephone=HOSTILE,
        sealed_as=OrganCode("another"),
        sealed_as_name=HOSTILE,
        reconsideration_organ=HOSTILE,
        court=HOSTILE,
        papers=(paper,),
        assisting=(Named(code=HOSTILE, name=HOSTILE),),
        rule="route.delegation",
    )
    around = Surroundings(url=HOSTILE, powers=HOSTILE, organ=organ, organ_in={"open": organ}, item_names={})
    guide = write_guide(parts, around=around, situation=None)
    spoilt = spoil(guide)

    page = Read(write_page(spoilt))

    assert page.tags <= ELEMENTS
    assert page.attributes <= ATTRIBUTES
    assert page.open == []
    assert "\u202e" not in page.text
    assert page.text.count("<script>alert(1)</script>") > 60


def test_only_what_was_made_here_is_markup() -> None:
    assert tag("td", "<b>", tag("em", "a & b"), class_='"x') == '<td class="&quot;x">&lt;b&gt;<em>a &amp; b</em></td>'
    assert text("a" + tag("b", "c")) == "a&lt;b&gt;c&lt;/b&gt;"
    assert together("<", "\x00\u202e\ud800") == "&lt;\ufffd\ufffd\ufffd"


async def test_the_same_guide_is_not_sent_twice(seeded: Service) -> None:
    for page in (False, True):
        first = await get(seeded, page=page)
        headers = {"if-none-match": first.headers["etag"]} | (PAGE if page else {})
        again = await seeded.client.get(PATH, headers=headers)

        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert first.headers["vary"] == "accept, tongban-seen"
    assert (await get(seeded)).headers["etag"] != (await get(seeded, page=True)).headers["etag"]


async def test_a_guide_sends_nothing_to_the_database(seeded: Service) -> None:
    await get(seeded)

    with statements(seeded.context.database) as sent:
        assert (await get(seeded)).status_code == (await get(seeded, page=True)).status_code == 200
        assert (await get(seeded, "/v1/service-guides", item=SOLE_TRADER, region=LIUYANG)).status_code == 200

    assert sent == []


async def test_a_published_change_is_in_the_guide_with_no_other_act_and_the_old_one_stays(service: Service) -> None:
    await service.hear_all()
    before = (await get(service, version="1")).json()
    draft = a_draft()
    draft["texts"]["conditions"] = ["新的受理条件"]
    published: JsonObject = await service.publish(draft)
    await service.hear()

    starts = str(published["effective_from"])
    after = (await get(service, as_of=starts)).json()
    page = await get(service, page=True, as_of=starts)
    old = (await get(service, version="1")).json()

    assert after["conditions"] == ["新的受理条件"]
    assert "新的受理条件" in page.text
    assert (after["version_id"], after["valid_from"]) == (published["version_id"], starts)
    assert old["conditions"] == before["conditions"]
    assert old["valid_until"] == starts
    assert after["url"] != old["url"]


async def test_a_cancelled_certificate_leaves_the_guide_of_every_version(service: Service) -> None:
    await service.hear_all()
    catalogue = service.context.catalogue
    entry, parts = next(
        (entry, parts)
        for code in catalogue.items()
        for entry in catalogue.versions_of(code, LIUYANG)
        if (parts := catalogue.parts(entry.version_id)) is not None and any(one.certificate for one in parts.checklist.materials)
    )
    material = next(one for one in parts.checklist.materials if one.certificate)
    row = (await service.get(f"/certificates/{material.certificate}")).json()
    path = f"/v1/service-guides/{entry.item_id}"

    before = await get(service, path, version="1")
    cancelled = {key: row[key] for key in ("certificate_id", "name", "name_en", "region", "basis", "asked_by", "issued_by", "guide")}
    catalogue.apply("catalog.rules.v1", f"certificate/{material.certificate}", cancelled | {"state": "cancelled", "cancelled_by": "通知"})
    after = await get(service, path, version="1")

    def codes(answer: Any) -> set[str]:
        return {line["code"] for one in answer.json()["situations"] for line in one["materials"]}

    assert codes(before) - codes(after) == {material.code}
    assert before.headers["etag"] != after.headers["etag"]
