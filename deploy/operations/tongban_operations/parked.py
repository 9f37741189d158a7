"""``tongban parked list|replay|discard``: events that could not take effect, over the API, as the operator who is signed in.

An event is replayed by the running service alone: its handlers are there. So these commands need the gateway and a token, no database.
"""

import argparse
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tongban_operations.terminal import Commands, Row, Unable, conclude, say, show

SERVICES = ("catalog", "intake", "routing", "credential")

_PAGE = 200
_PATIENCE = 60.0
"""Seconds; a replay works through every waiting event of its key."""

_SHOWN = ("id", "topic", "key", "type", "reason", "error", "parked_at", "state")


def register(commands: Commands) -> None:
    """Add the commands."""
    parser = commands.add_parser("parked", help="搁置的事件:查看、重放、作废 / parked events: list, replay, discard")
    acts = parser.add_subparsers(required=True, metavar="act")
    for name, run, text in (
        ("list", _list, "列出仍被搁置的事件 / list what still waits"),
        ("replay", _replay, "修复后重放该事件及同键的后续事件 / let it and the later ones of its key take effect"),
        ("discard", _discard, "作废这一条 / give this one up for good"),
    ):
        act = acts.add_parser(name, help=text)
        act.add_argument("--service", choices=SERVICES, required=name != "list", help="服务 / whose parked events")
        act.add_argument("--url", default=os.environ.get("TONGBAN_URL", "http://127.0.0.1:8080"), help="网关地址 / the gateway")
        act.add_argument("--token", default=os.environ.get("TONGBAN_TOKEN", ""), help="运维人员令牌 / an operator's token [TONGBAN_TOKEN]")
        act.add_argument("--json", action="store_true", help="输出 JSON / print JSON")
        act.set_defaults(run=run)
        if name == "list":
            act.add_argument("--all", action="store_true", help="含已处理的 / the settled ones too")
        else:
            act.add_argument("id", type=int, help="编号 / as listed")


def _list(chosen: argparse.Namespace) -> int:
    found: list[Row] = []
    with _gateway(chosen) as http:
        for service in (chosen.service,) if chosen.service else SERVICES:
            found += [
                {"service": service} | {name: each[name] for name in _SHOWN}
                for each in _pages(http, service=service)
                if chosen.all or each["state"] == "parked"
            ]
    show(found, as_json=chosen.json, nothing="没有搁置的事件 / nothing is parked")
    return 1 if any(each["state"] == "parked" for each in found) else 0


def _replay(chosen: argparse.Namespace) -> int:
    return _settle(chosen, act="replay", sentence="已重放 / replayed")


def _discard(chosen: argparse.Namespace) -> int:
    return _settle(chosen, act="discard", sentence="已作废 / discarded")


def _settle(chosen: argparse.Namespace, *, act: str, sentence: str) -> int:
    with _gateway(chosen) as http:
        answer = http.post(f"/v1/{chosen.service}/parked/{chosen.id}:{act}", headers={"Idempotency-Key": str(uuid.uuid4())})
        if answer.status_code == httpx.codes.CONFLICT:
            say(_refusal(answer))
            return 1
        _require(answer)
    conclude(answer.json(), as_json=chosen.json, sentence=f"{chosen.service} {chosen.id}: {sentence}")
    return 0


def _pages(http: httpx.Client, *, service: str) -> Iterator[dict[str, Any]]:
    after = ""
    while True:
        page = _require(http.get(f"/v1/{service}/parked", params={"limit": _PAGE, "after": after})).json()
        yield from page["items"]
        after = page["next"] or ""
        if not after:
            return


@contextmanager
def _gateway(chosen: argparse.Namespace) -> Iterator[httpx.Client]:
    try:
        with httpx.Client(base_url=chosen.url, timeout=_PATIENCE, headers={"Authorization": f"Bearer {chosen.token}"}) as http:
            yield http
    except httpx.TransportError as error:
        raise Unable(f"{chosen.url}: 网关不可达 / the gateway cannot be reached ({type(error).__name__})") from error


def _require(answer: httpx.Response) -> httpx.Response:
    if not answer.is_success:
        raise Unable(_refusal(answer))
    return answer


def _refusal(answer: httpx.Response) -> str:
    try:
        body = answer.json()
        return f"{answer.status_code} {body['rule']}: {body['detail']} / {body['detail_en']} {body.get('facts') or ''}".rstrip()
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code}"
