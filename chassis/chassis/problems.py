"""What a door answers when it says no: problem+json (RFC 9457) in Chinese and English. The only place that knows HTTP's numbers.

Every answer names its rule: ``type`` is ``urn:tongban:rule:<id>``. Nothing that was sent in is repeated, not even in part.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from chassis import tracing
from chassis.database import DatabaseBusy, is_transient
from contracts.codec import encode
from contracts.refusals import Conflict, Defect, Forbidden, Invalid, NotFound, Refusal, Stale, Unavailable
from contracts.values import Json, JsonObject

MEDIA_TYPE = "application/problem+json"


class Unauthenticated(Refusal):
    """No token, or one that is not valid here and now."""

    RULE = "unauthenticated"
    ZH = "未登录或登录已过期"
    EN = "Not signed in, or the sign-in has expired"


class RouteUnknown(NotFound):
    """No such path."""

    RULE = "route.unknown"
    ZH = "没有这个接口地址"
    EN = "There is no such path"


class MethodNotAllowed(Refusal):
    """The path has no such method."""

    RULE = "route.method"
    ZH = "此接口地址不支持该方法"
    EN = "The path does not have this method"


class RequestUnreadable(Refusal):
    """The request cannot be read at all."""

    RULE = "request.unreadable"
    ZH = "无法读取请求"
    EN = "The request cannot be read"


class Malformed(Invalid):
    """The request does not have the documented shape."""

    RULE = "request.malformed"
    ZH = "请求内容的格式不正确"
    EN = "The request does not have the documented form"


class IdempotencyKeyMissing(Refusal):
    """A write without ``Idempotency-Key``."""

    RULE = "idempotency.missing"
    ZH = "缺少 Idempotency-Key 请求头(1 至 255 个可见 ASCII 字符)"
    EN = "The header Idempotency-Key is needed: 1 to 255 visible ASCII characters"


class IdempotencyKeyReused(Invalid):
    """The key was used for another request."""

    RULE = "idempotency.reused"
    ZH = "该 Idempotency-Key 已用于另一个请求"
    EN = "This Idempotency-Key was used for another request"


class IdempotencyInFlight(Conflict):
    """The first request with this key is still being worked on."""

    RULE = "idempotency.in-flight"
    ZH = "相同 Idempotency-Key 的请求正在处理,请稍后再试"
    EN = "A request with this Idempotency-Key is still being handled; try again shortly"


class PreconditionRequired(Refusal):
    """An edit without ``If-Match``."""

    RULE = "precondition.required"
    ZH = "缺少 If-Match 请求头,请先读取当前版本"
    EN = "The header If-Match is needed; read the present version first"


class TooLarge(Refusal):
    """The body is larger than the route takes."""

    RULE = "request.too-large"
    ZH = "请求内容过大"
    EN = "The request is too large"


class UnsupportedMedia(Refusal):
    """The body is of a media type that the route does not take."""

    RULE = "request.media-type"
    ZH = "不支持的内容类型"
    EN = "The media type is not supported"


class Behind(Unavailable):
    """This service has not heard yet of what the caller has written elsewhere."""

    RULE = "unavailable.behind"
    ZH = "前一步操作尚未同步到本服务,请稍后再试"
    EN = "The step before has not arrived here yet; try again shortly"


class UpstreamBroken(Refusal):
    """The service behind broke off."""

    RULE = "upstream.broken"
    ZH = "后台服务中断,请稍后再试"
    EN = "The service behind broke off; try again shortly"


class UpstreamLate(Refusal):
    """The service behind did not answer in time."""

    RULE = "upstream.late"
    ZH = "后台服务响应超时,请稍后再试"
    EN = "The service behind did not answer in time; try again shortly"


class UpstreamAway(Unavailable):
    """The service behind cannot be reached."""

    RULE = "upstream.away"
    ZH = "后台服务暂时无法连接,请稍后再试"
    EN = "The service behind cannot be reached now; try again shortly"


class StillReading(Unavailable):
    """The service began from nothing and is still reading what it answers from."""

    RULE = "unavailable.reading"
    ZH = "服务刚刚启动,所依据的数据尚在同步,请稍后再试"
    EN = "The service has just begun and is still reading what it answers from; try again shortly"


class Internal(Refusal):
    """Something nobody foresaw."""

    RULE = "internal"
    ZH = "系统内部错误,已记录"
    EN = "An internal error; it was recorded"


_STATUS: dict[type[Refusal], tuple[int, str, str]] = {
    RequestUnreadable: (400, "请求无法读取", "Bad request"),
    IdempotencyKeyMissing: (400, "请求无法读取", "Bad request"),
    Unauthenticated: (401, "未登录", "Not signed in"),
    Forbidden: (403, "无权操作", "Forbidden"),
    NotFound: (404, "未找到", "Not found"),
    MethodNotAllowed: (405, "方法不支持", "Method not allowed"),
    Conflict: (409, "与当前状态冲突", "Conflict"),
    Stale: (412, "版本已变化", "Precondition failed"),
    TooLarge: (413, "内容过大", "Content too large"),
    UnsupportedMedia: (415, "内容类型不支持", "Unsupported media type"),
    Invalid: (422, "内容不符合要求", "Unprocessable content"),
    PreconditionRequired: (428, "缺少前提条件", "Precondition required"),
    Internal: (500, "内部错误", "Internal error"),
    UpstreamBroken: (502, "后台服务异常", "Bad gateway"),
    Unavailable: (503, "暂时不可用", "Not available now"),
    UpstreamLate: (504, "后台服务超时", "Gateway timeout"),
    Refusal: (400, "请求被拒绝", "Refused"),
}

_BY_HTTP: dict[int, type[Refusal]] = {
    400: RequestUnreadable,
    401: Unauthenticated,
    404: RouteUnknown,
    405: MethodNotAllowed,
    413: TooLarge,
    415: UnsupportedMedia,
}

_TEXTS: dict[str, tuple[str, str]] = {
    "missing": ("必填项缺失", "A required field is missing"),
    "extra_forbidden": ("含有未定义的字段", "There is a field that is not defined"),
    "json_invalid": ("不是有效的 JSON", "Not valid JSON"),
    "string_too_short": ("长度不足", "Too short"),
    "string_too_long": ("长度超出上限", "Too long"),
    "string_pattern_mismatch": ("格式不正确", "Not in the expected form"),
    "too_short": ("数量不足", "Too few"),
    "too_long": ("数量超出上限", "Too many"),
    "enum": ("不是允许的取值", "Not one of the allowed values"),
    "literal_error": ("不是允许的取值", "Not one of the allowed values"),
    "greater_than": ("数值过小", "Too small"),
    "greater_than_equal": ("数值过小", "Too small"),
    "less_than": ("数值过大", "Too large"),
    "less_than_equal": ("数值过大", "Too large"),
}
_OTHERWISE = ("类型或格式不正确", "Not of the expected type or form")
_NAME = re.compile(r"\A[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z")


def problem(refusal: Refusal, *, accept_language: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """Write a refusal as an answer; ``title`` and ``detail`` in the language asked for (Chinese otherwise), English always beside."""
    status, title, title_en = _family(refusal)
    english = prefers_english(accept_language)
    body: JsonObject = {
        "type": f"urn:tongban:rule:{refusal.RULE}",
        "title": title_en if english else title,
        "title_en": title_en,
        "status": status,
        "detail": refusal.EN if english else refusal.ZH,
        "detail_en": refusal.EN,
        "rule": refusal.RULE,
        "traceId": tracing.trace_id(),
    }
    if refusal.defects:
        body["errors"] = [_error(defect, english=english) for defect in refusal.defects]
    if refusal.facts:
        body["facts"] = refusal.facts
    if refusal.considered:
        body["considered"] = encode(refusal.considered)
    sent = {"content-language": "en" if english else "zh", "cache-control": "no-store", **(headers or {})}
    if refusal.retry_after is not None:
        sent["retry-after"] = str(refusal.retry_after)
    elif isinstance(refusal, Unavailable):
        sent["retry-after"] = "1"
    if isinstance(refusal, Unauthenticated):
        sent["www-authenticate"] = "Bearer"
    return Response(orjson.dumps(body), status_code=status, media_type=MEDIA_TYPE, headers=sent)


def refused_by(error: Exception) -> Refusal:
    """The refusal that stands for any exception; what nobody foresaw becomes `Internal`, without its text."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, RequestValidationError):
        return _malformed(error.errors())
    if isinstance(error, HTTPException):
        kind = _BY_HTTP.get(error.status_code)
        return kind() if kind else (Refusal() if error.status_code < 500 else Internal())  # noqa: PLR2004 - HTTP's own bound
    if isinstance(error, DBAPIError) and is_transient(error):
        return DatabaseBusy(retry_after=1)
    return Internal()


def answer(request: Request, error: Exception) -> Response:
    """The answer to a request that ended in an exception."""
    kept = error.headers if isinstance(error, HTTPException) and error.headers else None
    refused = UnsupportedMedia() if _is_of_other_media(request, error) else refused_by(error)
    return problem(refused, accept_language=request.headers.get("accept-language", ""), headers=kept)


def _is_of_other_media(request: Request, error: Exception) -> bool:
    """Whether a body as a whole was not understood, and was not said to be JSON: then only its media type is wrong."""
    if not isinstance(error, RequestValidationError):
        return False
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")):
        return False
    return any(tuple(each["loc"]) == ("body",) and each["type"] != "missing" for each in error.errors())


def prefers_english(accept_language: str) -> bool:
    """True when English is asked for more than Chinese; Chinese is what everybody else gets."""
    weights = {"zh": 0.0, "en": 0.0}
    for part in accept_language.split(",")[:16]:
        language, _, weight = part.strip().partition(";")
        name = language.split("-")[0].strip().lower()
        if name in weights:
            weights[name] = max(weights[name], _weight(weight))
    return weights["en"] > weights["zh"]


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0


def _family(refusal: Refusal) -> tuple[int, str, str]:
    return next(_STATUS[kind] for kind in type(refusal).__mro__ if kind in _STATUS)


def _error(defect: Defect, *, english: bool) -> Json:
    shown: JsonObject = {
        "pointer": defect.pointer,
        "rule": defect.rule_id,
        "detail": defect.message_en if english else defect.message,
        "detail_en": defect.message_en,
    }
    if defect.basis:
        shown["basis"] = defect.basis
    return shown


def malformed(errors: Sequence[Mapping[str, Any]], *, where: str = "body") -> Malformed:
    """Pydantic's ``error.errors()`` as a refusal, for a route that validates the bytes itself."""
    return _malformed([{**error, "loc": (where, *error["loc"])} for error in errors])


def _malformed(errors: Sequence[Any]) -> Malformed:
    return Malformed(defects=tuple(_defect(cast("Mapping[str, Any]", error)) for error in errors[:100]))


def _defect(error: Mapping[str, Any]) -> Defect:
    kind = str(error["type"])
    zh, en = _TEXTS.get(kind, _OTHERWISE)
    return Defect(rule_id=f"request.{kind}", pointer=_pointer(kind, list(error["loc"])), message=zh, message_en=en)


def _pointer(kind: str, place: list[object]) -> str:
    """Where it is wrong; names of unknown fields are the sender's words and are left out."""
    if kind == "json_invalid":
        return ""
    if kind == "extra_forbidden":
        place = place[:-1]
    if place and place[0] == "body":
        place = place[1:]
    return "".join(f"/{part}" if isinstance(part, int) or _NAME.match(str(part)) else "/*" for part in place)
