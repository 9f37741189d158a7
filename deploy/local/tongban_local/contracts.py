"""Write what is generated: JSON Schemas, AsyncAPI 3.0, OpenAPI, the diagrams of states and the list of rules.

``python -m tongban_local.contracts`` writes, ``--check`` compares and names what differs. The sources are the classes
themselves, so a document cannot say something else than the code; the examples beside them are written by hand.
``--release`` keeps what is promised from now on in ``contracts/released``; ``--check`` also names what breaks that promise.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import TypeAdapter

from contracts import documents, events
from contracts.catalogue import Agreement, CalendarYear, ItemVersion, Organ, Part, Region
from contracts.certificates import Certificate
from contracts.delegations import Delegation
from contracts.documents import Account, ClockOffset, PublicKey
from contracts.event import Watermark
from tongban_local.compatibility import api_breaks, messages_breaks
from tongban_local.item_table import item_table_page
from tongban_local.openapi import openapi_documents
from tongban_local.states import rules_page, states_page

ROOT = Path(__file__).parents[3]
SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Document = dict[str, Any]
"""A JSON document as it is written; ``Any`` because OpenAPI, AsyncAPI and JSON Schema are themselves open."""

RELEASED = "contracts/released"
"""Folder of the promised contracts."""

_PROSE = frozenset({"title", "description", "summary", "examples", "example", "tags", "info", "servers", "$id"})
_TERSE: dict[str, Any] = {"ensure_ascii": False, "sort_keys": True, "separators": (",", ":")}

PUBLISHED: dict[str, tuple[str, object]] = {
    "tongban.region.published.v1": (documents.RULES, Region),
    "tongban.organ.published.v1": (documents.RULES, Organ),
    "tongban.agreement.published.v1": (documents.RULES, Agreement),
    "tongban.delegation.published.v1": (documents.RULES, Delegation),
    "tongban.calendar.published.v1": (documents.RULES, CalendarYear),
    "tongban.certificate.published.v1": (documents.RULES, Certificate),
    "tongban.item-version.published.v1": (documents.VERSIONS, ItemVersion),
    "tongban.part.published.v1": (documents.PARTS, Part),
    "tongban.key.published.v1": (documents.ACCESS_RULES, PublicKey),
    "tongban.account.published.v1": (documents.ACCESS_RULES, Account),
    "tongban.clock.moved.v1": (documents.ACCESS_RULES, ClockOffset),
}
"""Documents of the compacted topics by event type."""


def messages() -> Iterator[tuple[str, str, object]]:
    """Every message on the log: type, topic, class."""
    for name, kind in events.EVENTS.items():
        yield name, kind.TOPIC, kind
    for name, (topic, document) in PUBLISHED.items():
        yield name, topic, document
    for topic in Watermark.TOPICS:
        yield Watermark.TYPE, topic, Watermark


@cache
def _field_texts(kind: type) -> Mapping[str, str]:
    """Docstrings under the fields of a dataclass, its bases' included."""
    texts: dict[str, str] = {}
    for base in reversed(kind.__mro__[:-1]):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        if not isinstance(body, ast.ClassDef):
            continue
        for field, following in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(following, ast.Expr):
                value = following.value
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    texts[field.target.id] = inspect.cleandoc(value.value)
    return texts


def _describe(schema: Document, kind: object) -> None:
    if not isinstance(kind, type):
        return
    schema["description"] = inspect.cleandoc(kind.__doc__ or "")
    for name, text in _field_texts(kind).items():
        if name in schema.get("properties", {}):
            schema["properties"][name]["description"] = text


def schema_of(name: str, kind: object) -> Document:
    """JSON Schema of one message's data; readers must tolerate fields that it does not name."""
    schema = TypeAdapter(cast("Any", kind)).json_schema(ref_template="#/$defs/{model}")
    _describe(schema, kind)
    return {
        "$schema": SCHEMA_DIALECT,
        "$id": f"urn:tongban:schema:{name}",
        "title": name,
        **{k: v for k, v in schema.items() if k != "title"},
    }


def _component(name: str, schema: Document) -> Document:
    """The schema as AsyncAPI embeds it: its ``$defs`` referenced where they then stand."""
    text = json.dumps({k: v for k, v in schema.items() if k not in {"$schema", "$id"}}, ensure_ascii=False)
    embedded: Document = json.loads(text.replace('"#/$defs/', f'"#/components/schemas/{name}/$defs/'))
    return embedded


def asyncapi(schemas: Mapping[str, Document], examples: Mapping[str, Document], topics: list[Document]) -> Document:
    """AsyncAPI 3.0 of the log, from the registry of events and the one list of topics."""
    on_topic: dict[str, list[str]] = {topic["name"]: [] for topic in topics}
    for name, topic, _ in messages():
        on_topic[topic].append(name)
    channels = {
        topic["name"]: {
            "address": topic["name"],
            "description": topic.get("description", ""),
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in on_topic[topic["name"]]},
            "bindings": {"kafka": {"topic": topic["name"], "partitions": topic["partitions"], "bindingVersion": "0.5.0"}},
        }
        for topic in topics
        if on_topic[topic["name"]]
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tongban 通办 event log",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in Kafka binary mode: attributes in ce_* headers, the value is the data. "
            "Order is promised per key and source. No message carries personal data.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {f"hear-{name}": {"action": "receive", "channel": {"$ref": f"#/channels/{name}"}} for name in channels},
        "components": {
            "messages": {
                name: {
                    "name": name,
                    "title": name,
                    "summary": schemas[name].get("description", "").split("\n", 1)[0],
                    "contentType": "application/json",
                    "headers": {"$ref": "#/components/schemas/cloudevent-headers"},
                    "payload": {"$ref": f"#/components/schemas/{name}"},
                    "examples": [{"payload": examples[name]}],
                }
                for name, _, _ in messages()
            },
            "schemas": {
                "cloudevent-headers": {
                    "type": "object",
                    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time"],
                    "properties": {
                        "ce_specversion": {"type": "string", "const": "1.0"},
                        "ce_id": {"type": "string", "description": "UUIDv7; drop repeats by it"},
                        "ce_type": {"type": "string"},
                        "ce_source": {"type": "string", "description": "/<service>/<region>"},
                        "ce_subject": {"type": "string", "description": "id of the aggregate"},
                        "ce_time": {"type": "string", "format": "date-time"},
                        "ce_partitionkey": {"type": "string"},
                        "ce_sequence": {"type": "string", "description": "the aggregate's own event count; finds gaps"},
                        "ce_position": {"type": "string", "description": "position at its source, rising within a key"},
                        "ce_traceparent": {"type": "string"},
                    },
                },
                **{name: _component(name, schema) for name, schema in schemas.items()},
            },
        },
    }


def _json(document: Document) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def _compact(document: Document) -> bytes:
    """One line for each entry, so that a release shows what it changes."""
    rows = [f"{json.dumps(key)}:{_line(value)}" for key, value in sorted(document.items())]
    return ("{\n" + ",\n".join(rows) + "\n}\n").encode()


def _line(value: object) -> str:
    if isinstance(value, dict) and value and all(isinstance(each, dict) for each in value.values()):
        rows = [f"{json.dumps(key)}:{json.dumps(each, **_TERSE)}" for key, each in sorted(value.items())]
        return "{\n " + ",\n ".join(rows) + "}"
    return json.dumps(value, **_TERSE)


def generated(root: Path = ROOT) -> dict[str, bytes]:
    """Every generated file by its path below the root."""
    topics = yaml.safe_load((root / "deploy/topics.yaml").read_text(encoding="utf-8"))["topics"]
    schemas = {name: schema_of(name, kind) for name, _, kind in messages()}
    examples = {name: json.loads((root / f"contracts/examples/{name}.json").read_text(encoding="utf-8")) for name in schemas}
    files = {f"contracts/schemas/{name}.json": _json(schema) for name, schema in schemas.items()}
    files["contracts/asyncapi.yaml"] = yaml.safe_dump(
        asyncapi(schemas, examples, topics), allow_unicode=True, sort_keys=False, width=120
    ).encode()
    for name, document in openapi_documents().items():
        files[f"contracts/openapi/{name}.json"] = _json(document)
    files["docs/states.md"] = states_page().encode()
    files["docs/rules.md"] = rules_page().encode()
    files["docs/item-table.md"] = item_table_page().encode()
    return files


def differences(root: Path = ROOT) -> list[str]:
    """Paths whose committed content is not what the code generates."""
    return [path for path, content in generated(root).items() if not (root / path).is_file() or (root / path).read_bytes() != content]


def promised() -> dict[str, Document]:
    """What others rest on, by its file in ``contracts/released``: the schemas of the messages and the gateway's API, without prose."""
    return {"events.json": promised_messages(), "openapi.json": _bare(openapi_documents()["gateway"])}


def promised_messages() -> Document:
    """The schemas of the messages by type."""
    return {name: _bare(schema_of(name, kind)) for name, _, kind in messages()}


def breaks(root: Path = ROOT) -> list[str]:
    """What of the released contracts the code does not keep."""
    now = promised()
    before = {name: json.loads((root / RELEASED / name).read_text(encoding="utf-8")) for name in now}
    return messages_breaks(before["events.json"], now["events.json"]) + api_breaks(before["openapi.json"], now["openapi.json"])


def _bare(value: Any) -> Any:
    """Without what says nothing to a machine; a property may be named like one of these words."""
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {key: each for key, each in value.items() if key not in _PROSE or isinstance(each, dict)}
    return {key: _bare(each) for key, each in kept.items()}


def main() -> int:
    """Write or compare; the last line sums up."""
    parser = argparse.ArgumentParser(description="Write the generated contracts / 生成契约文件")
    parser.add_argument("--check", action="store_true", help="compare only / 仅比较")
    parser.add_argument("--release", action="store_true", help="promise the present contracts from now on / 固定为已发布契约")
    asked = parser.parse_args()
    if asked.check:
        changed, broken = differences(), breaks()
        for line in [*(f"differs: {path}" for path in changed), *(f"breaks: {each}" for each in broken)]:
            print(line)
        print(f"contracts: {len(changed)} generated files differ (run make contracts), {len(broken)} released promises broken")
        return 1 if changed or broken else 0
    files = generated()
    if asked.release:
        files |= {f"{RELEASED}/{name}": _compact(document) for name, document in promised().items()}
    for path, content in files.items():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    print(f"contracts: {len(files)} files written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
