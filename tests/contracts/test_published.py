"""The published contracts say what the code does: generated anew they are the committed files, and each example is what it claims."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import jsonschema_rs
import pytest
import yaml

from contracts.codec import decode, encode
from tongban_local.contracts import differences, messages

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "contracts"
KINDS = {name: kind for name, _, kind in messages()}
SERVICES = ("catalog", "intake", "routing", "credential", "gateway")

ASYNCAPI_SCHEMA = Path(__file__).parent / "asyncapi-3.0.0.schema.json"
"""The AsyncAPI Initiative's own schema of a 3.0.0 document, from its npm package ``@asyncapi/specs`` 6.11.1 (Apache-2.0)."""


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def asyncapi() -> Any:
    return yaml.safe_load((PUBLISHED / "asyncapi.yaml").read_text(encoding="utf-8"))


def openapi(service: str) -> Any:
    return read_json(PUBLISHED / f"openapi/{service}.json")


def operations(service: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in openapi(service)["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def test_what_is_committed_is_what_the_code_generates() -> None:
    assert differences() == [], "run make contracts"


def test_every_message_has_an_example_and_no_example_is_left_over() -> None:
    assert {path.stem for path in (PUBLISHED / "examples").glob("*.json")} == set(KINDS)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_an_example_is_valid_by_its_schema(name: str) -> None:
    schema = read_json(PUBLISHED / f"schemas/{name}.json")
    example = read_json(PUBLISHED / f"examples/{name}.json")

    errors = [str(error) for error in jsonschema_rs.Draft202012Validator(schema, validate_formats=True).iter_errors(example)]

    assert errors == []


@pytest.mark.parametrize("name", sorted(KINDS))
def test_an_example_survives_the_way_into_the_code_and_out(name: str) -> None:
    kind = cast("type[object]", KINDS[name])
    example = read_json(PUBLISHED / f"examples/{name}.json")

    read = decode(kind, example)
    written = cast("dict[str, object]", encode(read))

    assert {key: written[key] for key in example} == example
    assert decode(kind, cast("Any", written)) == read


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"tongban.part.published.v1"}))
def test_a_schema_refuses_an_example_without_a_field_it_requires(name: str) -> None:
    schema = read_json(PUBLISHED / f"schemas/{name}.json")
    example = read_json(PUBLISHED / f"examples/{name}.json")
    validator = jsonschema_rs.Draft202012Validator(schema)

    assert not [field for field in schema["required"] if validator.is_valid({key: value for key, value in example.items() if key != field})]


def test_the_asyncapi_document_is_valid_asyncapi() -> None:
    validator = jsonschema_rs.Draft7Validator(read_json(ASYNCAPI_SCHEMA))

    assert [str(error) for error in validator.iter_errors(asyncapi())] == []


def test_the_asyncapi_schema_tells_a_wrong_document() -> None:
    wrong = asyncapi()
    wrong["operations"]["hear-case.events.v1"]["action"] = "publish"

    assert not jsonschema_rs.Draft7Validator(read_json(ASYNCAPI_SCHEMA)).is_valid(wrong)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi()

    def references(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for key, each in value.items():
                if key == "$ref":
                    yield each
                else:
                    yield from references(each)
        elif isinstance(value, list):
            for each in value:
                yield from references(each)

    def lost(reference: str) -> bool:
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            if step not in found:
                return True
            found = found[step]
        return False

    assert [reference for reference in references(document) if lost(reference)] == []


def test_every_topic_with_messages_is_a_channel_of_the_one_list() -> None:
    topics = {topic["name"]: topic for topic in yaml.safe_load((ROOT / "deploy/topics.yaml").read_text(encoding="utf-8"))["topics"]}
    channels = asyncapi()["channels"]

    assert set(channels) == {topic for _, topic, _ in messages()}
    assert {name: channel["bindings"]["kafka"]["partitions"] for name, channel in channels.items()} == {
        name: topics[name]["partitions"] for name in channels
    }


@pytest.mark.parametrize("service", SERVICES)
def test_an_operation_id_stands_once_and_is_written_in_camel_case(service: str) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(service)]

    assert sorted(ids) == sorted(set(ids))
    assert [each for each in ids if not each.isalnum() or not each[0].islower()] == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_says_who_may_call_and_how_it_refuses(service: str) -> None:
    silent = [
        f"{method} {path}"
        for path, method, operation in operations(service)
        if "security" not in operation or "application/problem+json" not in operation["responses"]["4XX"]["content"]
    ]

    assert silent == []


def test_every_post_of_the_api_that_changes_something_takes_a_key_and_no_other_does() -> None:
    """What only reads or gives a token takes none; the list is by hand, so a new route is a decision."""
    reading = {"checkCase", "findCases", "askProgress", "verifyCode", "giveToken", "takeGuideStep"}

    without = {
        operation["operationId"]
        for _, method, operation in operations("gateway")
        if method == "post" and "Idempotency-Key" not in {parameter["name"] for parameter in operation.get("parameters", [])}
    }

    assert without == reading


def test_the_gateway_shows_every_operation_of_every_service_but_those_that_services_keep_for_each_other() -> None:
    shown = {operation["operationId"].lower() for _, _, operation in operations("gateway")}
    served = {
        operation["operationId"].lower() if "/parked" not in path else f"{service}{operation['operationId']}".lower()
        for service in SERVICES[:-1]
        for path, _, operation in operations(service)
        if not operation.get("x-internal")
    }

    assert served - shown == set()
