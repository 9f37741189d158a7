"""The table leads to every route of every service, tells public from private as they do, and one document shows it all."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from chassis.identity import caller
from chassis.problems import RouteUnknown
from contracts.values import JsonObject
from gateway.documents import merge, outer_path
from gateway.routes import SERVICES, find
from gateway.views import PARTS
from tests.gateway.world import World
from tongban_local.openapi import applications

PUBLISHED = Path(__file__).parents[2] / "contracts/openapi"
DOCUMENTS: dict[str, dict[str, Any]] = {
    name: json.loads((PUBLISHED / f"{name}.json").read_text(encoding="utf-8")) for name in (*SERVICES, "gateway")
}
"""As committed, which the tests of the contracts hold to what the applications say: to ask these would take seconds of every worker."""

MADE = cache(applications)


def routes(*, internal: bool = False) -> Iterator[tuple[str, str, str]]:
    """Service, method, path as at the gateway, of everything in the services' documents that is for callers, or for other services."""
    for service in SERVICES:
        for path, item in DOCUMENTS[service]["paths"].items():
            for method, operation in item.items():
                if operation.get("x-internal", False) == internal:
                    yield service, method.upper(), outer_path(service, path=path)


def plain(path: str) -> bytes:
    return re.sub(r"\{[^}]*\}", "x", path).encode()


@pytest.mark.parametrize(("service", "path"), sorted({(service, path) for service, _, path in routes()}))
def test_every_route_of_a_service_is_reached(service: str, path: str) -> None:
    assert find(plain(path)).row.service == service


@pytest.mark.parametrize(("service", "path"), sorted({(service, path) for service, _, path in routes(internal=True)}))
def test_what_services_keep_for_each_other_is_not_passed_and_not_shown(service: str, path: str) -> None:
    [operation] = DOCUMENTS[service]["paths"][path].values()
    own = {name.rpartition("/")[2] for name in references(operation)}

    with pytest.raises(RouteUnknown):
        find(plain(path))
    assert own
    assert own.isdisjoint(DOCUMENTS["gateway"]["components"]["schemas"])


def test_a_path_is_sent_to_its_service_as_the_service_knows_it() -> None:
    assert find(b"/v1/routing/parked/7:replay").target == "/v1/parked/7:replay"
    assert find(b"/v1/routing/parked").target == "/v1/parked"
    assert find(b"/v1/cases/N1/timeline").target == "/v1/cases/N1/timeline"


def needs_sign_in(dependant: Dependant) -> bool:
    return dependant.call is caller or any(needs_sign_in(each) for each in dependant.dependencies)


@pytest.mark.parametrize("service", SERVICES)
def test_what_needs_no_sign_in_at_a_service_needs_none_here_and_the_other_way_round(service: str) -> None:
    compared, wrong = 0, list[tuple[str, str]]()
    shown = {path for name, _, path in routes() if name == service}
    for context in iter_route_contexts(MADE()[service].routes):
        route = context.original_route
        path = context.path_format or ""
        if not isinstance(route, APIRoute) or outer_path(service, path=path) not in shown:
            continue
        row = find(plain(outer_path(service, path=path))).row
        for method in context.methods or ():
            compared += 1
            if (method in row.public) == needs_sign_in(route.dependant):
                wrong.append((method, path))

    assert compared == len([name for name, _, _ in routes() if name == service])
    assert wrong == []


def test_the_whole_document_has_every_route_once_with_its_own_name() -> None:
    whole = DOCUMENTS["gateway"]
    shown = {(method.upper(), path) for path, item in whole["paths"].items() for method in item}
    names = [operation["operationId"] for item in whole["paths"].values() for operation in item.values()]

    assert shown == {(method, path) for _, method, path in routes()}
    assert len(names) == len(set(names))


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield str(value)
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_reference_of_the_whole_document_leads_somewhere() -> None:
    whole = DOCUMENTS["gateway"]
    schemas = whole["components"]["schemas"]

    assert {name.removeprefix("#/components/schemas/") for name in references(whole)} <= set(schemas)


def test_schemas_of_one_name_and_two_meanings_are_kept_apart() -> None:
    def said(kind: str, path: str) -> JsonObject:
        answer: JsonObject = {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}
        return {"paths": {path: {"get": {"operationId": path, "responses": answer}}}, "components": {"schemas": {"Thing": {"type": kind}}}}

    whole: Any = merge({"catalog": said("string", "/v1/regions"), "intake": said("integer", "/v1/windows")})

    assert whole["components"]["schemas"] == {"Thing": {"type": "string"}, "IntakeThing": {"type": "integer"}}
    assert list(references(whole["paths"])) == ["#/components/schemas/Thing", "#/components/schemas/IntakeThing"]


def test_the_document_tells_what_the_gateway_adds() -> None:
    whole = DOCUMENTS["gateway"]
    operation = whole["paths"]["/v1/cases/{no}"]["get"]
    [expand] = [each for each in operation["parameters"] if each["name"] == "expand"]
    text = str(whole["components"])

    assert set(PARTS) < set(expand["schema"]["items"]["enum"])
    assert "Masked name" in text
    assert operation["security"] == [{"bearer": []}]


async def test_the_document_is_served_without_the_services_that_are_silent_and_with_them_later(
    here: World, client: httpx.AsyncClient
) -> None:
    said = {"paths": {"/v1/regions": {"get": {"operationId": "r", "responses": {}}}}}
    here["catalog"].answers["/openapi.json"] = (503, {})
    first = (await client.get("/v1/openapi.json")).json()
    here["catalog"].answers["/openapi.json"] = (200, said)

    second = (await client.get("/v1/openapi.json")).json()

    assert ("/v1/regions" in first["paths"], "/v1/regions" in second["paths"]) == (False, True)


async def test_the_page_needs_nothing_from_outside(client: httpx.AsyncClient) -> None:
    page, script = await client.get("/docs"), await client.get("/docs/page.js")

    assert (page.status_code, script.status_code) == (200, 200)
    assert re.findall(r"https?://", page.text + script.text) == []
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert script.headers["content-type"].startswith("text/javascript")


async def test_the_door_shows_that_it_is_well(here: World, client: httpx.AsyncClient) -> None:
    await client.get("/v1/cases/secret-number-7")
    answers = {path: await client.get(path) for path in ("/livez", "/readyz", "/metrics", "/nowhere")}

    assert {path: answer.status_code for path, answer in answers.items()} == {
        "/livez": 200,
        "/readyz": 200,
        "/metrics": 200,
        "/nowhere": 404,
    }
    assert answers["/readyz"].json()["checks"] == {"log": "ok", "followed": "ok"}
    assert 'route="/v1/cases/{no}"' in answers["/metrics"].text
    assert "secret-number-7" not in answers["/metrics"].text
    assert answers["/nowhere"].json()["rule"] == "route.unknown"
    assert here["intake"].asked == []


@pytest.mark.parametrize("path", [b"/v1/cases/", b"/v1/cases/x/", b"/v1/regions/%zz/%2e"])
def test_an_empty_or_dotted_segment_is_nobodys(path: bytes) -> None:
    with pytest.raises(RouteUnknown):
        find(path)
