"""The API as one OpenAPI document, made of the services' own."""

import copy
from collections.abc import Iterator, Mapping
from typing import cast

from chassis.logs import get_logger
from chassis.problems import RouteUnknown
from contracts.refusals import Refusal
from contracts.values import Json, JsonObject
from gateway.routes import SERVICES, TABLE, find
from gateway.upstreams import Upstreams
from gateway.views import AT_CASE, PARTS

VERSION = "1.0.0"

_SCHEMAS = "#/components/schemas/"
_METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
_OPERATIONS = "/v1/parked"
"""What every service has; at the gateway the service's name stands in it."""
_OK = 200

_log = get_logger()


class Documents:
    """The services' documents, asked for once."""

    def __init__(self, *, upstreams: Upstreams) -> None:
        self._upstreams = upstreams
        self._found: dict[str, JsonObject] = {}

    async def merged(self) -> JsonObject:
        """The whole API; paths of a service that has not answered yet are missing, and it is asked again next time."""
        for service in SERVICES:
            if service not in self._found:
                try:
                    said = await self._upstreams.ask(service, "/openapi.json")
                except Refusal as error:
                    _log.warning("documents.away", name=service, rule=error.RULE)
                    continue
                if said.status == _OK and isinstance(said.body, dict):
                    self._found[service] = said.body
        return merge(self._found)


def merge(documents: Mapping[str, JsonObject]) -> JsonObject:
    """One document of the services' documents.

    Args:
        documents: OpenAPI 3.1 by service. A schema of the same name and another content gets the service's name before its own.
    """
    paths: JsonObject = {}
    schemas: JsonObject = {}
    for service in SERVICES:
        if service in documents:
            _take_in(copy.deepcopy(documents[service]), service=service, paths=paths, schemas=schemas)
    _show_views(paths, schemas)
    _show_impacts(paths, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tongban 通办",
            "version": VERSION,
            "description": "跨省通办:收件在所在地,决定在有权地。/ Hand in where you are; decided where the law says. "
            "Every changing POST takes an Idempotency-Key; every refusal is problem+json with a rule id.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
        "tags": [{"name": tag} for tag in sorted({tag for operation in _operations(paths) for tag in _tags(operation)})],
    }


def outer_path(service: str, *, path: str) -> str:
    """A path of a service as it stands at the gateway."""
    return f"/v1/{service}/{path.removeprefix('/v1/')}" if path.startswith(_OPERATIONS) else path


def _take_in(document: JsonObject, *, service: str, paths: JsonObject, schemas: JsonObject) -> None:
    own = _child(_child(document, "components"), "schemas")
    renamed = {name: f"{service.capitalize()}{name}" for name, schema in own.items() if name in schemas and schemas[name] != schema}
    _refer(document, renamed)
    own = {renamed.get(name, name): schema for name, schema in own.items()}
    for path, item in _child(document, "paths").items():
        outer = outer_path(service, path=path)
        try:
            row = find(outer.replace("{", "").replace("}", "").encode()).row
        except RouteUnknown:
            continue
        if row.service != service or not isinstance(item, dict):
            continue
        for method, operation in item.items():
            if method not in _METHODS or not isinstance(operation, dict):
                continue
            if method.upper() not in row.public:
                operation["security"] = [{"bearer": []}]
            if path.startswith(_OPERATIONS):
                name = str(operation.get("operationId", method))
                operation["operationId"] = f"{service}{name[0].upper()}{name[1:]}"
        _name_the_case(outer, item)
        paths[outer] = item
        _show(item, own, shown=schemas)


def _show(node: Json, own: JsonObject, *, shown: JsonObject) -> None:
    """Take in the schemas that a part of a document leads to; those of routes that stay inside are left out."""
    for name in _references(node):
        if name in own and name not in shown:
            shown[name] = own[name]
            _show(own[name], own, shown=shown)


def _references(node: Json) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _references(each)
    elif isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(_SCHEMAS)
        for each in node.values():
            yield from _references(each)


def _name_the_case(path: str, item: JsonObject) -> None:
    """Where a path does not name the case itself, an applicant names it in the query: only for that case is a token narrowed."""
    if not path.startswith(_OF_A_CASE) or "{" not in path:
        return
    for method, operation in item.items():
        if method in _METHODS and isinstance(operation, dict):
            listed = cast("list[Json]", operation.setdefault("parameters", []))
            if not any(isinstance(each, dict) and each.get("name") == "case" for each in listed):
                listed.append(_CASE_PARAMETER)


def _show_views(paths: JsonObject, schemas: JsonObject) -> None:
    """Say what the gateway adds to what the services say."""
    for row in TABLE:
        operation = _child(_child(paths, row.path), "get")
        if row.view == "case" and operation:
            words = [*PARTS, AT_CASE]
            for parameter in cast("list[JsonObject]", operation.get("parameters", [])):
                if parameter.get("name") == "expand":
                    parameter["schema"] = {"type": "array", "items": {"type": "string", "enum": cast("list[Json]", words)}}
                    parameter["style"], parameter["explode"] = "form", False
                    parameter["description"] = "Parts to add, separated by commas; one that is late is named in `unavailable`."
            shown = _child(schemas, _shown_by(operation))
            _child(shown, "properties").update({part: {"type": ["object", "null"]} for part in PARTS})
            _child(shown, "properties")["unavailable"] = _NAMES
        elif row.view == "handlings" and operation:
            page = _child(schemas, _shown_by(operation))
            _child(page, "properties")["unavailable"] = _NAMES
            item = str(_child(_child(_child(page, "properties"), "items"), "items").get("$ref", "")).removeprefix(_SCHEMAS)
            _child(_child(schemas, item), "properties")["applicant"] = {"type": ["string", "null"], "description": "Masked name"}


def _show_impacts(paths: JsonObject, schemas: JsonObject) -> None:
    """Say that an impact comes with the open cases that stand on what it touches."""
    for path in paths:
        operation = _child(_child(paths, path), "get")
        if operation and find(path.replace("{", "").replace("}", "").encode()).row.view == "impact":
            shown = _child(_child(schemas, _shown_by(operation)), "properties")
            shown["standing"], shown["unavailable"] = {"anyOf": [{"$ref": f"{_SCHEMAS}Standing"}, {"type": "null"}]}, _NAMES
            schemas["Standing"] = _STANDING


def _shown_by(operation: JsonObject) -> str:
    answer = _child(_child(_child(_child(operation, "responses"), "200"), "content"), "application/json")
    return str(_child(answer, "schema").get("$ref", "")).removeprefix(_SCHEMAS)


def _refer(node: Json, renamed: Mapping[str, str]) -> None:
    if isinstance(node, list):
        for each in node:
            _refer(each, renamed)
    elif isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str) and (name := reference.removeprefix(_SCHEMAS)) in renamed:
            node["$ref"] = _SCHEMAS + renamed[name]
        for each in node.values():
            _refer(each, renamed)


def _child(node: JsonObject, name: str) -> JsonObject:
    found = node.get(name)
    return found if isinstance(found, dict) else {}


def _operations(paths: JsonObject) -> Iterator[JsonObject]:
    for item in paths.values():
        if isinstance(item, dict):
            yield from (operation for method, operation in item.items() if method in _METHODS and isinstance(operation, dict))


def _tags(operation: JsonObject) -> list[str]:
    return [str(tag) for tag in cast("list[Json]", operation.get("tags", []))]


_OF_A_CASE = ("/v1/transfers/", "/v1/notices/", "/v1/deliveries/", "/v1/credentials/")
_CASE_PARAMETER: Json = {
    "name": "case",
    "in": "query",
    "required": False,
    "schema": {"type": "string", "pattern": "^[0-9A-Za-z-]{1,60}$"},
    "description": "办件编号或 id;申请人必填 / number or id of the case; applicants must give it",
}
_COUNT: Json = {"type": "integer", "minimum": 0}
_STANDING: Json = {
    "type": "object",
    "title": "Standing",
    "description": "Open cases 在办件 of the page's items, on whichever version each was received; they keep it",
    "required": ["cases", "regions", "versions"],
    "properties": {
        "cases": _COUNT,
        "regions": {"type": "object", "additionalProperties": _COUNT, "description": "By handling region"},
        "versions": {"type": "array", "items": {"$ref": f"{_SCHEMAS}OpenOnVersion"}},
    },
}
_NAMES: Json = {"type": "array", "items": {"type": "string"}, "description": "What could not be had in time"}
