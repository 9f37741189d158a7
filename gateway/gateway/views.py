"""What no single service can answer.

A case with its handling, timeline, notices and credentials; a work queue with masked names; a change with the cases that are open on what it
touches.

One call per part, side by side. A part that is late or away is named in ``unavailable``, and the rest is shown.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import cast
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from chassis.problems import Malformed, Unauthenticated
from contracts.refusals import Defect, NotFound, Refusal
from contracts.values import Json, JsonObject
from gateway.answers import say_again, write
from gateway.callers import Callers, Known
from gateway.routes import Found
from gateway.upstreams import Said, Upstreams

PARTS: Mapping[str, tuple[str, str]] = {
    "handling": ("routing", "/v1/handlings/{no}"),
    "timeline": ("routing", "/v1/cases/{no}/timeline"),
    "clocks": ("routing", "/v1/cases/{no}/clocks"),
    "notices": ("routing", "/v1/cases/{no}/notices"),
    "credentials": ("credential", "/v1/credentials?case={no}"),
}
"""What ``expand`` adds to a case: the service and the path that show it."""

AT_CASE = "person"
"""The one word of ``expand`` that intake answers itself."""

COUNTED_BY = "counted_by"
"""Where the catalogue says by which question intake counts the open cases that a change leaves as they are."""

_COUNTS = "/v1/reports/open-cases?"
_ROWS = 200
"""Counts asked for at once."""

_OK = 200
_FAILED = 500
_HEARD = ("accept-language", "tongban-seen")


class Views:
    """Answers put together of several services'."""

    def __init__(self, *, upstreams: Upstreams, callers: Callers, patience: float) -> None:
        """Nothing is asked yet.

        Args:
            upstreams: The services.
            callers: Makes the tokens for each.
            patience: Seconds for a part.
        """
        self._upstreams = upstreams
        self._callers = callers
        self._patience = patience

    async def show_case(self, request: Request, found: Found, known: Known | None) -> Response | None:
        """One case with the parts that ``expand`` names, separated by commas; without one the case alone is intake's.

        Raises:
            Malformed: There is no such part.
        """
        asked = [name for value in request.query_params.getlist("expand") for name in value.split(",") if name]
        parts = [name for name in PARTS if name in asked]
        if set(asked) - set(PARTS) - {AT_CASE}:
            raise Malformed(defects=(_UNKNOWN_PART,))
        if not parts:
            return None
        if known is None or found.case is None:
            raise Unauthenticated
        rest = {name: value for name, value in request.query_params.items() if name != "expand"}
        if AT_CASE in asked:
            rest["expand"] = AT_CASE
        heard = _heard(request)
        base = await self._upstreams.ask(
            "intake", f"{found.target}?{urlencode(rest)}", token=self._callers.token(known, service="intake"), headers=heard
        )
        body = base.body
        if base.status != _OK or not isinstance(body, dict):
            return say_again(base)
        answers = await asyncio.gather(*(self._part(known, name, case=found.case, heard=heard) for name in parts))
        return _together(body, dict(zip(parts, answers, strict=True)))

    async def list_handlings(self, request: Request, found: Found, known: Known | None) -> Response | None:
        """The work queue of routing-svc, with the masked names that intake keeps."""
        if known is None:
            raise Unauthenticated
        heard = _heard(request)
        target = found.target + (f"?{request.url.query}" if request.url.query else "")
        queue = await self._upstreams.ask("routing", target, token=self._callers.token(known, service="routing"), headers=heard)
        body = queue.body
        if queue.status != _OK or not isinstance(body, dict) or not isinstance(body.get("items"), list):
            return say_again(queue)
        items = [item for item in cast("list[Json]", body["items"]) if isinstance(item, dict)]
        names = await self._names(known, [str(item["case_id"]) for item in items], heard=heard)
        for item in items:
            item["applicant"] = None if names is None else names.get(str(item["case_id"]))
        if names is None:
            body["unavailable"] = ["applicant"]
        return write(body)

    async def show_impact(self, request: Request, found: Found, known: Known | None) -> Response | None:
        """What a change would touch, by the catalogue, with the open cases that stand there, counted by intake.

        ``standing`` is null and named in ``unavailable`` while intake cannot say: never a zero that nobody counted.
        """
        if known is None:
            raise Unauthenticated
        heard = _heard(request)
        target = found.target + (f"?{request.url.query}" if request.url.query else "")
        impact = await self._upstreams.ask("catalog", target, token=self._callers.token(known, service="catalog"), headers=heard)
        body = impact.body
        if impact.status != _OK or not isinstance(body, dict):
            return say_again(impact)
        question = body.get(COUNTED_BY)
        counts = [] if question is None else await self._counts(known, str(question), heard=heard)
        body["standing"] = None if counts is None else _standing(counts)
        body["unavailable"] = ["standing"] if counts is None else []
        return write(body)

    async def _counts(self, known: Known, question: str, *, heard: list[tuple[str, str]]) -> list[JsonObject] | None:
        """Every row of a question for counts, all pages within one patience; None when intake cannot say."""
        token, rows, after = self._callers.token(known, service="intake"), list[JsonObject](), ""
        try:
            async with asyncio.timeout(self._patience):
                while question.startswith(_COUNTS):
                    said = await self._ask("intake", f"{question}&{urlencode({'limit': _ROWS, 'after': after})}", token=token, heard=heard)
                    body = None if said is None else said.body
                    if said is None or said.status != _OK or not isinstance(body, dict) or not isinstance(body.get("items"), list):
                        return None
                    rows += [row for row in cast("list[Json]", body["items"]) if isinstance(row, dict)]
                    if body.get("next") is None:
                        return rows
                    after = str(body["next"])
        except TimeoutError:
            return None
        return None

    async def _names(self, known: Known, cases: Sequence[str], *, heard: list[tuple[str, str]]) -> dict[str, str] | None:
        """Masked name by case, None when intake cannot say."""
        if not cases:
            return {}
        query = urlencode([*(("case", case) for case in cases), ("limit", str(len(cases)))])
        said = await self._ask("intake", f"/v1/cases?{query}", token=self._callers.token(known, service="intake"), heard=heard)
        body = None if said is None else said.body
        if said is None or said.status != _OK or not isinstance(body, dict):
            return None
        listed = [item for item in cast("list[Json]", body["items"]) if isinstance(item, dict)]
        return {str(item["case_id"]): str(item["applicant"]) for item in listed}

    async def _part(self, known: Known, name: str, *, case: str, heard: list[tuple[str, str]]) -> Said | None:
        service, path = PARTS[name]
        try:
            token = await self._callers.token_for(known, service=service, case=case)
        except NotFound:
            return Said(404, {}, b"")
        except Refusal:
            return None
        return await self._ask(service, path.format(no=quote(case, safe="")), token=token, heard=heard)

    async def _ask(self, service: str, target: str, *, token: str, heard: list[tuple[str, str]]) -> Said | None:
        try:
            async with asyncio.timeout(self._patience):
                said = await self._upstreams.ask(service, target, token=token, headers=heard)
        except (Refusal, TimeoutError):
            return None
        return None if said.status >= _FAILED else said


def _standing(rows: Sequence[JsonObject]) -> JsonObject:
    regions: dict[str, Json] = {}
    total = 0
    for row in rows:
        region, cases = str(row["region"]), int(str(row["cases"]))
        regions[region] = int(str(regions.get(region, 0))) + cases
        total += cases
    return {"cases": total, "regions": dict(sorted(regions.items())), "versions": list[Json](rows)}


def _together(body: JsonObject, answers: Mapping[str, Said | None]) -> Response:
    away: list[Json] = []
    for name, said in answers.items():
        part = None if said is None or said.status != _OK else said.body
        if said is None:
            away.append(name)
        elif isinstance(part, dict) and part.pop("behind", False):
            body["behind"] = True
        body[name] = part
    body["unavailable"] = away
    return write(body)


def _heard(request: Request) -> list[tuple[str, str]]:
    return [(name, request.headers[name]) for name in _HEARD if name in request.headers]


_UNKNOWN_PART = Defect(
    rule_id="request.malformed",
    pointer="/query/expand",
    message=f"可展开的部分:{'、'.join((*PARTS, AT_CASE))}",
    message_en=f"What can be expanded: {', '.join((*PARTS, AT_CASE))}",
)
