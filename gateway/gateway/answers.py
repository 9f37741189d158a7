"""Answers that the gateway writes itself."""

import orjson
from starlette.responses import Response

from contracts.values import JsonObject
from gateway.upstreams import Said

JSON = "application/json"

_KEPT = ("content-type", "content-language", "retry-after", "www-authenticate", "tongban-seen", "idempotent-replayed")


def write(body: JsonObject, *, status: int = 200) -> Response:
    """A document that nobody keeps: it may hold masked names."""
    return Response(orjson.dumps(body), status_code=status, media_type=JSON, headers={"cache-control": "private, no-store"})


def say_again(said: Said) -> Response:
    """A service's small answer, handed on as it is."""
    headers = {name: said.headers[name] for name in _KEPT if name in said.headers}
    return Response(said.content, status_code=said.status, headers={"cache-control": "private, no-store", **headers})
