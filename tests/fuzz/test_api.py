"""Every route of the gateway under requests made up from its own document, right and wrong ones, by several people.

Whatever is sent: no 5xx, every refusal is a problem with a rule id, an answer is what the document says, and nothing of what looks
like a person's data comes back in a refusal. Derandomized, so a finding is found again.
"""

from __future__ import annotations

import asyncio
import json
import time
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from tests.support.line import act, receive, sealed, sign
from tests.support.whole import SignIn
from tongban_local.sole_trader import ITEM, LIUYANG, TONGGU
from tongban_local.system import System

DOCUMENT = json.loads((Path(__file__).parents[2] / "contracts/openapi/gateway.json").read_text(encoding="utf-8"))

PEOPLE = ("tonggu-clerk", "liuyang-reviewer", "liuyang-approver", "applicant-chen", "catalog-author", "operator", "public")

KEPT_FROM = {"POST /v1/dev/now": {"operator"}, "POST /v1/token": set(PEOPLE) - {"public"}}
"""Who does not send what: an operator would let a year pass for everybody."""

WOULD_CHANGE_THE_SEED = {f"POST /v1/service-items/versions/{{version_id}}/{act}" for act in ("suspension", "withdrawal")}
"""Never about a version that other tests apply for."""

PLANTED = "110101199003070019陈默言"
"""An id number and a name, put where text is sent; it must not come back in a refusal."""

EXAMPLES = 10
"""Requests for each route."""

TOLD_TO_COME_BACK, TRIES = 503, 30
"""Whoever is told to come back in a moment does so, so often: a machine may stand still for some seconds. What always says so is found."""


ROUTES = sorted(f"{method.upper()} {path}" for path, item in DOCUMENT["paths"].items() for method in item)


@cache
def operations() -> dict[str, Any]:
    """What schemathesis reads out of the document, by route; not while tests are collected, for it takes seconds of every worker."""
    generation = GenerationConfig(deterministic=True, with_security_parameters=False)
    config = SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(generation=generation)))
    found: Iterator[Any] = schemathesis.openapi.from_dict(DOCUMENT, config=config).get_all_operations()
    return {f"{operation.method.upper()} {operation.path}": operation for operation in (each.ok() for each in found)}


def test_every_route_of_the_document_is_tried() -> None:
    assert sorted(operations()) == ROUTES


@pytest.fixture
async def tokens(sign_in: SignIn) -> dict[str, str | None]:
    return {name: (await sign_in(name)).token for name in PEOPLE}


@pytest.fixture(scope="module")
def kept() -> dict[str, str]:
    """What `known` found, for every route."""
    return {}


@pytest.fixture
async def known(sign_in: SignIn, kept: dict[str, str]) -> dict[str, str]:
    """Parameters that lead to something that is there: an accepted case, its parts, and what the catalogue holds."""
    if not kept:
        clerk, reviewer = await sign_in("tonggu-clerk"), await sign_in("liuyang-reviewer")
        no = await receive(clerk, seed=411)
        await sign(reviewer, no)
        await act(reviewer, no, "acceptance")
        await sealed(reviewer, no)
        case = await clerk.get(f"/cases/{no}")
        kept |= {
            "no": no,
            "case": no,
            "material_id": case["materials"][0]["material_id"],
            "version_id": case["version_id"],
            "transfer_id": (await clerk.get("/transfers", params={"case": no}))["items"][0]["transfer_id"],
            "notice_id": (await clerk.get(f"/cases/{no}/notices"))["items"][0]["notice_id"],
            "agreement_id": "liuyang-tonggu-2020",
            "region": LIUYANG,
            "from": TONGGU,
            "item": ITEM,
            "year": "2026",
        }
    return kept


def lead(case: Case, known: dict[str, str]) -> None:
    """Let the request be about something that is there."""
    for part in (case.path_parameters, case.query):
        part.update({name: known[name] for name in part if name in known})


def plant(value: Any) -> Any:
    """The same with every text replaced."""
    if isinstance(value, dict):
        return {key: plant(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plant(each) for each in value]
    return PLANTED if isinstance(value, str) else value


def requests_for(route: str) -> st.SearchStrategy[tuple[Case, str, bool, bool]]:
    operation = operations()[route]
    cases = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if operation.body or list(operation.iter_parameters()):
        cases |= operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    people = [name for name in PEOPLE if name not in KEPT_FROM.get(route, set())]
    return st.tuples(cases, st.sampled_from(people), st.booleans(), st.booleans())


@pytest.mark.parametrize("route", ROUTES)
async def test_a_route_answers_whatever_is_sent(route: str, system: System, tokens: dict[str, str | None], known: dict[str, str]) -> None:
    url = system.layout.url

    with requests.Session() as session:

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(drawn=requests_for(route))
        def answers(drawn: tuple[Case, str, bool, bool]) -> None:
            case, who, planted, led = drawn
            if led and route not in WOULD_CHANGE_THE_SEED:
                lead(case, known)
            if planted and isinstance(case.body, dict | list):
                case.body = plant(case.body)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                token = tokens[who]
                headers = {"Authorization": f"Bearer {token}"} if token else None
                tries = 1
                response = case.call(base_url=url, session=session, headers=headers, timeout=60)
                while response.status_code == TOLD_TO_COME_BACK and tries < TRIES:
                    time.sleep(1)
                    tries += 1
                    response = case.call(base_url=url, session=session, headers=headers, timeout=60)
                judge(case, response)

        await asyncio.to_thread(answers)


def judge(case: Case, response: Any) -> None:
    """One answer."""
    said = f"{case.method} {case.formatted_path}: {response.status_code} {response.content[:400]!r}"
    assert response.status_code < 500, said
    if response.status_code >= 400:
        assert response.headers["content-type"][0].startswith("application/problem+json"), said
        body = json.loads(response.content)
        assert body["rule"], said
        assert body["type"] == f"urn:tongban:rule:{body['rule']}", said
        text = response.content.decode()
        assert PLANTED not in text, said
        assert PLANTED[:18] not in text, said
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    try:
        case.validate_response(response, checks=checks)
    except FailureGroup as failures:
        raise AssertionError(f"{said}: {[str(each) for each in failures.exceptions]}") from None
