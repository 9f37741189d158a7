"""What a service says about itself: its OpenAPI document, completed with what its doors ask of every request.

The doors read their headers themselves, so that a missing one is a refusal of ours and no 422 of the frame. Here the document
learns of them from the dependencies of each route, so it cannot forget one.
"""

import re
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from chassis import doors, identity
from contracts.values import JsonObject

_CONVERTER = re.compile(r"(?<=[a-z_]):[a-z]+(?=\})")
"""What a path says of a parameter's form, ``{number:path}``; documents leave it out."""

BEARER = "bearer"
"""Name of the one security scheme."""

_DESCRIPTION = """\
Errors are problem+json (RFC 9457) in Chinese or, by Accept-Language, English, each with the id of the rule that refused.
A write answers `Tongban-Seen`; sent back with the next request it makes another service wait up to a second until it has heard of it."""

_KEY: JsonObject = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Names this request; sent again with the same key and body it takes effect once and gets the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_VERSION: JsonObject = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag that was read before; 412 when somebody changed it since.",
    "schema": {"type": "string", "pattern": '^"[0-9]{1,18}"$'},
}

_ASKED: dict[object, JsonObject] = {
    doors.writer: _KEY,
    doors.public_writer: _KEY,
    doors.named_version: _VERSION,
    doors.version_if_any: {**_VERSION, "required": False},
}
"""Headers by the dependency that reads them."""


def describe(application: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of an application, served and published alike."""
    document = get_openapi(
        title=application.title,
        version=application.version,
        openapi_version=application.openapi_version,
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/"}],
        routes=application.routes,
    )
    document.setdefault("components", {})["securitySchemes"] = {BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for path, method, calls in _doors(application):
        operation = document["paths"].get(path, {}).get(method)
        if operation is not None:
            _complete(operation, calls)
    return document


def _complete(operation: dict[str, Any], calls: set[object]) -> None:
    if identity.caller in calls:
        operation["security"] = [{BEARER: []}]
    else:
        # A route that looks at no token is as open as one that may do without.
        operation["security"] = [{}, {BEARER: []}] if identity.anyone in calls else []
    asked = [header for call, header in _ASKED.items() if call in calls]
    if asked:
        operation["parameters"] = [*operation.get("parameters", []), *asked]


def _doors(application: FastAPI) -> Iterator[tuple[str, str, set[object]]]:
    """Path, method and dependencies of every route, those of dependencies too."""
    for found in iter_route_contexts(application.routes):
        route = found.route
        if isinstance(route, APIRoute) and found.path is not None:
            for method in route.methods or ():
                yield _CONVERTER.sub("", found.path), method.lower(), set(_calls(route.dependant))


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)
