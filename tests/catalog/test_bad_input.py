"""Input that means no good: refused by its rule, never by a crash."""

import json
from typing import Any

import pytest

from tests.catalog.builders import AUTHOR, SOLE_TRADER_ITEM, Service, a_draft

NUL = "\x00"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/regions", {"q": NUL}),
        ("/regions", {"after": NUL}),
        ("/organs", {"after": NUL}),
        ("/base-items", {"after": NUL}),
        ("/agreements", {"after": NUL}),
        ("/service-items", {"q": NUL}),
        ("/service-items", {"after": NUL}),
        ("/search", {"q": NUL}),
        ("/search", {"q": "公积金", "skip": "99999999999999999999"}),
        ("/search/words", {"after": "99999999999999999999"}),
        (f"/service-items/{SOLE_TRADER_ITEM}/guide", {"fact.matter": NUL}),
        ("/routes", {"item": "000131014000", "region": "430181", "from": "360926", "at": "0001-01-01T00:00:00Z"}),
        ("/routes", {"item": "000131014000", "region": "430181", "from": "360926", "at": "9999-12-31T23:59:59Z"}),
        ("/calendars/100000/99999", {}),
        ("/regions/%00", {}),
    ],
)
async def test_no_query_brings_it_down(seeded: Service, path: str, query: dict[str, str]) -> None:
    answer = await seeded.get(path, query)

    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize(
    "spoil",
    [
        {"form": {"type": "object", "properties": {"a": {"x-label": NUL}}}},
        {"form": {"type": "object", "properties": [1]}},
        {"form": {"type": "object", "properties": {NUL: {}}}},
        {"version": a_draft()["version"] | {"credential_type": NUL}},
        {"version": a_draft()["version"] | {"name": f"个体{NUL}"}},
        {"texts": a_draft()["texts"] | {"fees": NUL}},
        {"checklist": {"materials": [], "rules": [], "more": []}},
        {"situations": {"facts": [], "situations": []}},
    ],
)
async def test_no_draft_brings_it_down(seeded: Service, spoil: Any) -> None:
    answer = await seeded.post("/service-items", a_draft() | spoil, by=AUTHOR)

    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity"])
async def test_a_number_beyond_all_bounds_is_refused(seeded: Service, number: str) -> None:
    body = json.dumps(a_draft() | {"form": {"type": "object", "maximum": 12345}}).replace("12345", number)

    answer = await seeded.post("/service-items", content=body.encode(), by=AUTHOR)

    assert answer.status_code in {400, 422}


async def test_half_a_character_is_refused(seeded: Service) -> None:
    body = json.dumps(a_draft() | {"form": {"type": "object", "title": "half"}}).replace("half", "\\ud800")

    answer = await seeded.post("/service-items", content=body.encode(), by=AUTHOR)

    assert answer.status_code in {400, 422}
