"""A change that breaks a released contract is named; one that only adds is not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonsubschema import isSubschema

from tongban_local.compatibility import api_breaks, message_breaks, messages_breaks
from tongban_local.contracts import RELEASED, breaks, promised_messages

ROOT = Path(__file__).parents[2]

Change = Callable[[Any], object]

MESSAGE: dict[str, Any] = {
    "type": "object",
    "required": ["case_id", "mode", "at", "receipts"],
    "properties": {
        "case_id": {"type": "string", "pattern": "^[0-9a-f-]+$"},
        "mode": {"$ref": "#/$defs/Mode"},
        "at": {"type": "string", "format": "date-time"},
        "hop": {"type": "integer", "minimum": 1},
        "note": {"anyOf": [{"type": "string", "maxLength": 20}, {"type": "null"}], "default": None},
        "receipts": {"type": "array", "items": {"$ref": "#/$defs/Receipt"}},
        "limits": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
    "$defs": {
        "Mode": {"type": "string", "enum": ["local", "joint"]},
        "Receipt": {
            "type": "object",
            "required": ["step"],
            "properties": {"step": {"type": "string"}, "before": {"$ref": "#/$defs/Receipt"}},
        },
    },
}

BROKEN_MESSAGES: dict[str, tuple[Change, str]] = {
    "a required field is gone": (lambda m: (m["properties"].pop("case_id"), m["required"].remove("case_id")), "/case_id"),
    "an optional field is gone": (lambda m: m["properties"].pop("note"), "/note"),
    "a field has another name": (lambda m: m["properties"].update(number=m["properties"].pop("hop")), "/hop"),
    "a field became required": (lambda m: m["required"].append("hop"), "/hop"),
    "a field is no longer always there": (lambda m: m["required"].remove("mode"), "/mode"),
    "a value of an enum is gone": (lambda m: m["$defs"]["Mode"]["enum"].remove("joint"), "/mode"),
    "an enum has a value more": (lambda m: m["$defs"]["Mode"]["enum"].append("online"), "/mode"),
    "a type is another": (lambda m: m["properties"].update(hop={"type": "string"}), "/hop"),
    "a type is narrower": (lambda m: m["properties"].update(note={"type": "string"}), "/note"),
    "null is possible now": (
        lambda m: m["properties"].update(hop={"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}),
        "/hop",
    ),
    "a pattern is another": (lambda m: m["properties"]["case_id"].update(pattern="^[0-9]+$"), "/case_id"),
    "a format is new": (lambda m: m["properties"]["case_id"].update(format="uuid"), "/case_id"),
    "a text may be shorter only": (lambda m: m["properties"]["note"]["anyOf"][0].update(maxLength=10), "/note"),
    "a number begins higher": (lambda m: m["properties"]["hop"].update(minimum=2), "/hop"),
    "a field deep inside became required": (lambda m: m["$defs"]["Receipt"]["required"].append("before"), "/receipts/*/before"),
    "values of a map are of another type": (
        lambda m: m["properties"]["limits"].update(additionalProperties={"type": "string"}),
        "/limits/*",
    ),
}

HARMLESS_MESSAGES: dict[str, Change] = {
    "nothing": lambda _: None,
    "an optional field more": lambda m: m["properties"].update(channel={"type": "string"}),
    "an optional field more deep inside": lambda m: m["$defs"]["Receipt"]["properties"].update(kid={"type": "string"}),
    "another order": lambda m: (m["required"].reverse(), m["$defs"]["Mode"]["enum"].reverse()),
    "another text": lambda m: m.update(description="said better"),
}

API: dict[str, Any] = {
    "paths": {
        "/v1/cases": {
            "post": {
                "security": [{"bearer": []}],
                "parameters": [{"$ref": "#/components/parameters/Key"}],
                "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewCase"}}}},
                "responses": {"201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Received"}}}}, "4XX": {}},
            },
            "get": {
                "security": [{}, {"bearer": []}],
                "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 200}}],
                "responses": {"200": {"content": {"application/json": {"schema": {"type": "array", "items": {"type": "string"}}}}}},
            },
        }
    },
    "components": {
        "parameters": {
            "Key": {"name": "Idempotency-Key", "in": "header", "required": True, "schema": {"type": "string", "maxLength": 255}}
        },
        "schemas": {
            "NewCase": {
                "type": "object",
                "additionalProperties": False,
                "required": ["item_code"],
                "properties": {
                    "item_code": {"type": "string"},
                    "notes": {"type": "string", "maxLength": 2000},
                    "mode": {"type": "string", "enum": ["local", "joint"]},
                },
            },
            "Received": {
                "type": "object",
                "required": ["case_no", "state"],
                "properties": {
                    "case_no": {"type": "string"},
                    "state": {"type": "string", "enum": ["received", "closed"]},
                    "by": {"type": "string"},
                },
            },
        },
    },
}


def post(api: Any) -> Any:
    return api["paths"]["/v1/cases"]["post"]


def get(api: Any) -> Any:
    return api["paths"]["/v1/cases"]["get"]


def given(api: Any) -> Any:
    return api["components"]["schemas"]["NewCase"]


def answered(api: Any) -> Any:
    return api["components"]["schemas"]["Received"]


BROKEN_APIS: dict[str, tuple[Change, str]] = {
    "an operation is gone": (lambda a: a["paths"]["/v1/cases"].pop("get"), "GET /v1/cases: removed"),
    "a parameter is gone": (lambda a: get(a)["parameters"].clear(), "parameter limit: removed"),
    "a parameter became required": (lambda a: get(a)["parameters"][0].update(required=True), "parameter limit: required"),
    "a required parameter is new": (
        lambda a: get(a)["parameters"].append({"name": "region", "in": "query", "required": True, "schema": {}}),
        "parameter region: required",
    ),
    "a parameter takes less": (lambda a: get(a)["parameters"][0]["schema"].update(maximum=100), "parameter limit: maximum"),
    "sign-in is needed": (lambda a: get(a).update(security=[{"bearer": []}]), "security"),
    "a field of a request became required": (lambda a: given(a)["required"].append("notes"), "request/notes: required"),
    "a field of a request is gone": (lambda a: given(a)["properties"].pop("notes"), "request/notes: not known"),
    "a field of a request takes less text": (lambda a: given(a)["properties"]["notes"].update(maxLength=100), "request/notes: maxLength"),
    "a value of a request is gone": (lambda a: given(a)["properties"]["mode"]["enum"].remove("joint"), "request/mode: value joint"),
    "a body of another media type": (
        lambda a: post(a)["requestBody"].update(content={"text/csv": {}}),
        "request: application/json is not taken",
    ),
    "a field of an answer is gone": (lambda a: answered(a)["properties"].pop("by"), "201/by: removed"),
    "a field of an answer is no longer always there": (lambda a: answered(a)["required"].remove("state"), "201/state: required"),
    "a value of an answer is new": (lambda a: answered(a)["properties"]["state"]["enum"].append("draft"), "201/state: value draft"),
    "a field of an answer is of another type": (
        lambda a: answered(a)["properties"].update(case_no={"type": "integer"}),
        "201/case_no: type",
    ),
    "another success": (lambda a: post(a)["responses"].update({"200": post(a)["responses"].pop("201")}), "200: a new answer"),
}

HARMLESS_APIS: dict[str, Change] = {
    "nothing": lambda _: None,
    "an operation more": lambda a: a["paths"]["/v1/cases"].update(delete={"responses": {}}),
    "a parameter more": lambda a: get(a)["parameters"].append({"name": "after", "in": "query", "schema": {"type": "string"}}),
    "a field of a request more": lambda a: given(a)["properties"].update(window={"type": "string"}),
    "a field of a request is optional now": lambda a: given(a)["required"].clear(),
    "a request takes a value more": lambda a: given(a)["properties"]["mode"]["enum"].append("online"),
    "an answer says more": lambda a: (answered(a)["properties"].update(at={"type": "string"}), answered(a)["required"].append("at")),
    "an answer knows a value less": lambda a: answered(a)["properties"]["state"]["enum"].remove("closed"),
    "a parameter takes more": lambda a: get(a)["parameters"][0]["schema"].update(maximum=500),
}


def changed(document: Any, change: Change) -> Any:
    other = copy.deepcopy(document)
    change(other)
    return other


@pytest.mark.parametrize("what", BROKEN_MESSAGES)
def test_a_break_of_a_message_is_named_with_its_place(what: str) -> None:
    change, place = BROKEN_MESSAGES[what]

    found = message_breaks(MESSAGE, changed(MESSAGE, change))

    assert [line for line in found if place in line], found


@pytest.mark.parametrize("what", HARMLESS_MESSAGES)
def test_an_addition_to_a_message_breaks_nothing(what: str) -> None:
    assert message_breaks(MESSAGE, changed(MESSAGE, HARMLESS_MESSAGES[what])) == []


def test_a_message_that_is_gone_is_named() -> None:
    assert messages_breaks({"tongban.case.received.v1": MESSAGE}, {}) == ["tongban.case.received.v1: removed"]


@pytest.mark.parametrize("what", BROKEN_APIS)
def test_a_break_of_the_api_is_named_with_its_place(what: str) -> None:
    change, place = BROKEN_APIS[what]

    found = api_breaks(API, changed(API, change))

    assert [line for line in found if place in line], found


@pytest.mark.parametrize("what", HARMLESS_APIS)
def test_an_addition_to_the_api_breaks_nothing(what: str) -> None:
    assert api_breaks(API, changed(API, HARMLESS_APIS[what])) == []


def test_the_code_keeps_what_was_released() -> None:
    assert breaks() == []


def released_messages() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / RELEASED / "events.json").read_text(encoding="utf-8"))
    return found


def as_written(schema: Any) -> Any:
    """The messages that were written by a schema: with no field that it does not name, since nobody had thought of it yet."""
    if isinstance(schema, list):
        return [as_written(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: as_written(each) for key, each in schema.items()}
    return {"additionalProperties": False, **inner} if isinstance(schema.get("properties"), dict) else inner


PRESENT = promised_messages()


@pytest.mark.parametrize("name", sorted(released_messages()))
def test_another_comparison_also_finds_released_messages_readable(name: str) -> None:
    """``jsonsubschema`` proves what our own walk says: every message written by a released schema is one of today's."""
    assert isSubschema(as_written(released_messages()[name]), PRESENT[name])


def test_that_comparison_tells_a_field_that_older_messages_lack_or_say_otherwise() -> None:
    def read_by(properties: dict[str, Any], *required: str) -> bool:
        now = {"type": "object", "properties": {"name": {"type": "string"}} | properties, "required": list(required)}
        return bool(isSubschema(as_written({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}), now))

    assert read_by({"added": {"type": "string", "default": ""}}, "name")
    assert not read_by({"added": {"type": "string"}}, "name", "added")
    assert not read_by({"name": {"type": "integer"}}, "name")
