"""Refusals as answers: which status, which words, and nothing of what was sent in."""

from collections.abc import AsyncIterator

import pytest

from chassis.problems import prefers_english
from chassis.tables import IDEMPOTENCY, OUTBOX
from tests.support.toy import MakeToy, RunningToy

CANARY = "340102199001011234"


@pytest.mark.parametrize(
    "body",
    [
        {"id": CANARY * 4},
        {"id": 7, "name": CANARY * 4},
        {"id": "w-1", CANARY: 1},
        {"id": "w-1", "zhang_san": 1},
        {"id": "w-1", "sizes": {CANARY: "x"}},
        {"id": "w-1", "name": {"张三": CANARY}},
        {CANARY: CANARY},
        [CANARY],
        CANARY,
    ],
)
async def test_what_was_sent_is_never_repeated(toy: RunningToy, body: object) -> None:
    answer = await toy.client.post("/widgets", json=body, headers=toy.headers(key="k-1"))

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["rule"] == "request.malformed"
    assert CANARY not in answer.text
    assert "张三" not in answer.text
    assert "zhang_san" not in answer.text
    assert await toy.rows(IDEMPOTENCY) == []


@pytest.mark.parametrize("content", [b'{"id": "340102199001011234', b"\xff\xfe", b'{"id": "340102199001011234"} x'])
async def test_bytes_that_are_no_json_are_refused_without_repeating_them(toy: RunningToy, content: bytes) -> None:
    headers = toy.headers(key="k-1") | {"content-type": "application/json"}

    answer = await toy.client.post("/widgets", content=content, headers=headers)

    assert answer.status_code in {400, 422}
    assert CANARY not in answer.text


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
async def test_a_body_that_is_not_said_to_be_json_is_refused_for_that(toy: RunningToy, media_type: str) -> None:
    headers = toy.headers(key="k-1") | ({"content-type": media_type} if media_type else {})

    answer = await toy.client.post("/widgets", content=b'{"id": "w-1"}', headers=headers)

    assert (answer.status_code, answer.json()["rule"]) == (415, "request.media-type")
    assert await toy.rows(IDEMPOTENCY) == []


@pytest.mark.parametrize(
    ("content", "media_type"), [(b"", "text/plain"), (b"[]", "application/json"), (b"[]", "application/merge-patch+json; a=b")]
)
async def test_a_body_that_is_missing_or_of_another_shape_keeps_its_own_refusal(toy: RunningToy, content: bytes, media_type: str) -> None:
    answer = await toy.client.post("/widgets", content=content, headers=toy.headers(key="k-1") | {"content-type": media_type})

    assert (answer.status_code, answer.json()["rule"]) == (422, "request.malformed")


async def test_a_wrong_field_is_named_by_pointer_and_rule_in_both_languages(toy: RunningToy) -> None:
    answer = await toy.client.post("/widgets", json={"name": "x" * 41}, headers=toy.headers(key="k-1"))

    assert answer.json()["errors"] == [
        {"pointer": "/id", "rule": "request.missing", "detail": "必填项缺失", "detail_en": "A required field is missing"},
        {"pointer": "/name", "rule": "request.string_too_long", "detail": "长度超出上限", "detail_en": "Too long"},
    ]


async def test_a_wrong_query_parameter_is_named(toy: RunningToy) -> None:
    answer = await toy.client.get(f"/open?limit={CANARY}")

    assert [error["pointer"] for error in answer.json()["errors"]] == ["/query/limit"]
    assert CANARY not in answer.text


async def test_an_unforeseen_error_says_nothing_but_where_to_look(toy: RunningToy, capsys: pytest.CaptureFixture[str]) -> None:
    answer = await toy.client.get(f"/broken?name={CANARY}")

    assert answer.status_code == 500
    assert answer.json()["rule"] == "internal"
    assert answer.json()["traceId"] in capsys.readouterr().out
    assert CANARY not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "rule"),
    [("GET", f"/nowhere/{CANARY}", 404, "route.unknown"), ("DELETE", "/widgets", 405, "route.method")],
)
async def test_what_the_framework_refuses_is_a_problem_too(toy: RunningToy, method: str, path: str, status: int, rule: str) -> None:
    answer = await toy.client.request(method, path)

    assert (answer.status_code, answer.json()["rule"]) == (status, rule)
    assert answer.headers["content-type"] == "application/problem+json"
    assert CANARY not in answer.text


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_large_is_refused(make_toy: MakeToy, *, announced: bool) -> None:
    toy = await make_toy(max_body=100)
    headers = toy.headers(key="k-1") | {"content-type": "application/json"}
    body = b'{"id": "' + b"x" * 200 + b'"}'

    answer = await toy.client.post("/widgets", content=body if announced else pieces(body), headers=headers)

    assert (answer.status_code, answer.json()["rule"]) == (413, "request.too-large")


async def test_a_body_announced_as_too_large_is_refused_before_anything_looks_at_it(make_toy: MakeToy) -> None:
    toy = await make_toy(max_body=100)

    answer = await toy.client.post("/nowhere", content=b"x" * 200)

    assert answer.status_code == 413


async def test_a_bound_of_one_route_is_a_problem_too(toy: RunningToy) -> None:
    answer = await toy.client.post("/small", json={"id": "w-1"})

    assert (answer.status_code, answer.json()["rule"]) == (413, "request.too-large")
    assert answer.headers["content-type"] == "application/problem+json"


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 50):
        yield body[start : start + 50]


async def test_nobody_signed_in_is_told_how(toy: RunningToy) -> None:
    answer = await toy.client.get("/widgets/w-1")

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert await toy.rows(OUTBOX) == []


@pytest.mark.parametrize(
    ("asked", "title"),
    [("", "未登录"), ("zh-CN,en;q=0.8", "未登录"), ("en", "Not signed in"), ("en-GB, zh;q=0.3", "Not signed in"), ("fr", "未登录")],
)
async def test_the_language_asked_for_is_spoken_and_english_stands_beside(toy: RunningToy, asked: str, title: str) -> None:
    answer = await toy.client.get("/widgets/w-1", headers={"accept-language": asked})

    assert answer.json()["title"] == title
    assert answer.json()["title_en"] == "Not signed in"


@pytest.mark.parametrize("header", ["en;q=zebra", ";;;,,,", "en;q=0.5, zh;q=0.5", "zh"])
def test_a_strange_language_header_means_chinese(header: str) -> None:
    assert not prefers_english(header)


async def test_a_trace_that_came_in_goes_on(toy: RunningToy) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    answer = await toy.client.get("/nowhere", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})

    assert answer.json()["traceId"] == trace
    assert answer.headers["traceparent"].startswith(f"00-{trace}-")


@pytest.mark.parametrize(
    "sent", ["", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "x" * 55, "00-4bf92f3577b34da6a3ce929d0e0e473G-00f067aa0ba902b7-01"]
)
async def test_a_trace_that_is_none_is_replaced(toy: RunningToy, sent: str) -> None:
    answer = await toy.client.get("/nowhere", headers={"traceparent": sent})

    assert len(answer.json()["traceId"]) == 32
    assert answer.json()["traceId"] not in sent
