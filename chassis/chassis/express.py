"""Routes that go past the frame: the few that are called so often that the frame's own work is most of what they cost.

::

    @router.post("/widgets", status_code=201, response_model=WidgetShown)
    @express
    async def make(write: Annotated[Writer[Listing], WRITER], body: WidgetIn) -> Response: ...

The route stays what it is: the document is made from it, the same model validates, the same doors open, the same refusals answer. Only the
way there is shorter: one look-up instead of routers, exit stacks and a solver of dependencies. It may take a door, `VERSION` or
`VERSION_IF_ANY`, parameters of path and query, and one JSON body or, to read that itself as it comes, the request.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import FastAPI
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import doors
from chassis.identity import anyone
from chassis.identity import caller as signed_in
from chassis.problems import TooLarge
from contracts.caller import Caller
from contracts.refusals import Refusal

if TYPE_CHECKING:
    from fastapi._compat import ModelField

E = TypeVar("E", bound=Callable[..., Awaitable[Response]])

Refuse = Callable[[Request, Exception], Awaitable[Response]]
"""Answers a request that was refused."""

_CHOSEN: set[object] = set()
_PUBLIC = frozenset({doors.public_writer, doors.public_reader})
_READERS = {door: asynccontextmanager(door) for door in (doors.reader, doors.public_reader)}
_WRITERS = frozenset({doors.writer, doors.public_writer})
_VERSIONS = frozenset({doors.named_version, doors.version_if_any})


def express(endpoint: E) -> E:
    """Let this route go past the frame; no route before it may take one of its paths by the same method."""
    _CHOSEN.add(endpoint)
    return endpoint


class Express:
    """Takes the chosen routes; everything else goes on into the frame."""

    def __init__(self, app: ASGIApp, *, application: FastAPI, refuse: Refuse) -> None:
        """Find the chosen routes.

        Args:
            app: What handles all other requests.
            application: Its routes, all of them included already.
            refuse: Answers a `Refusal`, and what the frame itself refuses with.

        Raises:
            TypeError: A chosen route takes something that only the frame can give, or a path that the frame would give to another.
        """
        self._app = app
        self._refuse = refuse
        self._fixed: dict[tuple[str, str], _Lane] = {}
        self._others: dict[str, list[tuple[re.Pattern[str], _Lane]]] = {}
        before: dict[str, list[str]] = {}
        for found in iter_route_contexts(application.routes):
            route = found.route
            if not isinstance(route, APIRoute) or found.path is None:
                continue
            chosen = route.endpoint in _CHOSEN
            for method in route.methods or ():
                if chosen:
                    _refuse_taken(found.path, method=method, before=before.get(method, ()))
                before.setdefault(method, []).append(found.path)
            if chosen:
                lane = _lane(route)
                for method in route.methods or ():
                    if lane.path:
                        self._others.setdefault(method, []).append((compile_path(found.path)[0], lane))
                    else:
                        self._fixed[method, found.path] = lane

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        lane, found = self._find(scope) if scope["type"] == "http" else (None, {})
        if lane is None:
            await self._app(scope, receive, send)
            return
        scope["route"], scope["path_params"] = lane.route, found
        request = Request(scope, _bounded(receive, most=lane.route.max_body_size))
        try:
            response = await lane.answer(request)
        except (Refusal, HTTPException, RequestValidationError) as refused:
            response = await self._refuse(request, refused)
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> "tuple[_Lane | None, Mapping[str, str]]":
        method, path = scope["method"], scope["path"]
        lane = self._fixed.get((method, path))
        if lane is not None:
            return lane, {}
        for pattern, other in self._others.get(method, ()):
            found = pattern.match(path)
            if found is not None:
                return other, found.groupdict()
        return None, {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Lane:
    """One chosen route, taken apart once; of each dependency the name of its parameter and what it asks."""

    route: APIRoute
    door: str
    opens: Callable[..., Any]
    versions: Sequence[tuple[str, Callable[[Request], Awaitable[int | None]]]]
    path: "Sequence[ModelField]"
    query: "Sequence[ModelField]"
    body: "ModelField | None"
    request: str | None

    async def answer(self, request: Request) -> Response:
        """Do what the frame does: read the body, ask who it is, open the door, validate, call."""
        sent = None if self.body is None else await _read(request)
        caller: Caller = await anyone(request)
        if self.opens not in _PUBLIC:
            caller = await signed_in(caller)
        if self.opens in _WRITERS:
            return await self._call(request, await self.opens(request, caller), sent=sent)
        async with _READERS[self.opens](request, caller) as door:
            return await self._call(request, door, sent=sent)

    async def _call(self, request: Request, door: object, *, sent: "_Sent | None") -> Response:
        values: dict[str, Any] = {self.door: door}
        if self.request is not None:
            values[self.request] = request
        for name, version in self.versions:
            values[name] = await version(request)
        errors: list[Any] = []
        for field in self.path:
            values[field.name], wrong = field.validate(request.path_params[field.alias], loc=("path", field.alias))
            errors += wrong
        if self.query:
            asked, wrong = request_params_to_args(self.query, request.query_params)
            values |= asked
            errors += wrong
        if self.body is not None:
            values[self.body.name], wrong = _validate(self.body, sent)
            errors += wrong
        if errors:
            raise RequestValidationError(errors)
        response: Response = await self.route.endpoint(**values)
        return response


@dataclass(frozen=True, slots=True)
class _Sent:
    """A body: its JSON value, or its bytes where it is not said to be JSON."""

    value: Any


def _refuse_taken(path: str, *, method: str, before: Sequence[str]) -> None:
    for other in before:
        if _overlap(path, other):
            raise TypeError(f"{method} {path}: in the frame {other} comes first and takes some of its paths")


def _overlap(path: str, other: str) -> bool:
    """Whether one address could be of both; where a parameter takes several segments, from there on everything could."""
    for one, two in zip_longest(path.split("/"), other.split("/")):
        if ":path}" in f"{one}{two}":
            return True
        if one is None or two is None or not _may_be_same(one, two):
            return False
    return True


def _may_be_same(one: str, two: str) -> bool:
    """Whether two segments could be one: what is written out before and after their parameters must not differ."""
    if "{" not in one and "{" not in two:
        return one == two
    if "{" not in one or "{" not in two:
        written, pattern = (two, one) if "{" in one else (one, two)
        return compile_path(f"/{pattern}")[0].match(f"/{written}") is not None
    (head, tail), (other_head, other_tail) = ((each.partition("{")[0], each.rpartition("}")[2]) for each in (one, two))
    return (head.startswith(other_head) or other_head.startswith(head)) and (tail.endswith(other_tail) or other_tail.endswith(tail))


def _lane(route: APIRoute) -> _Lane:
    takes = route.dependant
    asked = {str(each.name): each.call for each in takes.dependencies}
    opens = {name: call for name, call in asked.items() if call in _READERS or call in _WRITERS}
    versions: list[Any] = [(name, call) for name, call in asked.items() if call in _VERSIONS]
    beside = (takes.header_params, takes.cookie_params, takes.response_param_name)
    if any(beside) or len(takes.body_params) > 1 or len(opens) != 1 or len(asked) != 1 + len(versions):
        raise TypeError(f"{route.path} takes what only the frame can give")
    [(door, call)] = opens.items()
    body = takes.body_params[0] if takes.body_params else None
    return _Lane(
        route=route,
        door=door,
        opens=call,
        versions=versions,
        path=takes.path_params,
        query=takes.query_params,
        body=body,
        request=takes.request_param_name,
    )


async def _read(request: Request) -> _Sent | None:
    body = await request.body()
    if not body:
        return None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        return _Sent(body)
    try:
        return _Sent(json.loads(body))
    except json.JSONDecodeError as error:
        raise RequestValidationError([{"type": "json_invalid", "loc": ("body", error.pos)}]) from error
    except (ValueError, RecursionError) as error:
        raise HTTPException(400) from error


def _validate(field: "ModelField", sent: _Sent | None) -> tuple[Any, list[Any]]:
    if sent is not None:
        return field.validate(sent.value, loc=("body",))
    if field.field_info.is_required():
        return None, [{"type": "missing", "loc": ("body",)}]
    return deepcopy(field.default), []


def _bounded(receive: Receive, *, most: int | None) -> Receive:
    if most is None:
        return receive
    left = most

    async def bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise TooLarge
        return message

    return bounded
