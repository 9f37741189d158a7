"""``tongban import FILE``: an office's spreadsheet through the system's own API, as its officer: dry run, report, and with ``--execute`` the drafts.

Needs no database and no secret of the system: only the address and the officer's own token, read from a file or ``TONGBAN_TOKEN``.
"""

import argparse
import os
import time
import uuid
from pathlib import Path
from typing import Any

import httpx

from tongban_operations.terminal import Commands, Unable, conclude, say, show

LOOK_EVERY = 1.0
PAGE = 100
"""Rows of the report that are asked for at a time."""
_WORKING = frozenset({"received", "importing", "reviewing", "publishing"})
_TYPES = {".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".csv": "text/csv"}


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("import", help="批量导入实施清单 / bring in service items from a spreadsheet")
    parser.add_argument("file", type=Path, help="XLSX 或者 CSV 文件 / the spreadsheet")
    parser.add_argument("--region", required=True, help="行政区划 / whose organs the items are of")
    parser.add_argument("--url", required=True, help="系统地址 / the gateway's address, e.g. http://127.0.0.1:8080")
    parser.add_argument("--token-file", type=Path, help="访问令牌文件 / file with the officer's token; else TONGBAN_TOKEN")
    parser.add_argument("--execute", action="store_true", help="试运行后导入合格的行 / draft the good rows after the dry run")
    parser.add_argument("--returned", type=Path, help="退回行存入此文件 / where to write the rows that are given back")
    parser.add_argument("--json", action="store_true", help="输出 JSON / print JSON")
    parser.set_defaults(run=_import)


def _import(chosen: argparse.Namespace) -> int:
    token = chosen.token_file.read_text(encoding="utf-8").strip() if chosen.token_file else os.environ.get("TONGBAN_TOKEN", "")
    if not token:
        raise Unable("缺少令牌:--token-file 或者 TONGBAN_TOKEN / a token is needed")
    if not chosen.file.is_file():
        raise Unable(f"{chosen.file}: 没有此文件 / no such file")
    with httpx.Client(base_url=f"{chosen.url.rstrip('/')}/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
        media = _TYPES.get(chosen.file.suffix.lower(), "application/octet-stream")
        sent = _call(
            client,
            "POST",
            "/service-items/imports",
            content=chosen.file.read_bytes(),
            params={"region": chosen.region},
            headers={"Content-Type": media},
        )
        path = f"/service-items/imports/{sent.json()['run_id']}"
        run = _settled(client, path)
        flaws = _report(client, path, state="bad")
        if not chosen.json:
            show(flaws, nothing="没有不合格的行 / no row is wrong", as_json=False)
        if chosen.execute and run["state"] == "checked" and run["counts"]["good"]:
            _call(client, "POST", f"{path}/execution", headers={"If-Match": run["etag"]})
            run = _settled(client, path)
            late = _report(client, path, state="refused")
            if late and not chosen.json:
                show(late, nothing="", as_json=False)
            flaws += late
        if chosen.returned is not None and (run["counts"]["bad"] or run["counts"]["refused"]):
            chosen.returned.write_bytes(_call(client, "GET", f"{path}/returned").content)
    counts = {state: count for state, count in run["counts"].items() if count}
    facts = {"run_id": run["run_id"], "state": run["state"], "counts": counts, "refusal": run["refusal"], "flaws": flaws}
    told = ", ".join(f"{state} {count}" for state, count in counts.items())
    if run["refusal"] is not None:
        told = f"{run['refusal']['detail']} / {run['refusal']['detail_en']} ({run['refusal']['rule']})"
    conclude(facts, as_json=chosen.json, sentence=f"{run['run_id']}: {run['state']}; {told}")
    return 1 if run["refusal"] is not None or run["counts"]["bad"] or run["counts"]["refused"] else 0


def _settled(client: httpx.Client, path: str) -> Any:
    """The run, once it has nothing to do, with its tag."""
    while True:
        answer = _call(client, "GET", path)
        run = answer.json() | {"etag": answer.headers["etag"]}
        if run["state"] not in _WORKING:
            return run
        say(f"{run['state']}: {run['rows']}")
        time.sleep(LOOK_EVERY)


def _report(client: httpx.Client, path: str, *, state: str) -> list[dict[str, Any]]:
    """What is wrong with the rows in a state: ``bad`` when they were checked, ``refused`` when they were drafted."""
    found: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = _call(client, "GET", f"{path}/rows", params={"state": state, "after": str(after), "limit": str(PAGE)}).json()
        names = ("sheet", "row", "column", "field", "rule", "detail")
        found += [{name: flaw[name] for name in names} for row in page["items"] for flaw in row["flaws"]]
        after = page["next"]
    return found


def _call(client: httpx.Client, method: str, path: str, **options: Any) -> httpx.Response:
    headers = {"Idempotency-Key": str(uuid.uuid4())} | options.pop("headers", {}) if method == "POST" else {}
    try:
        answer = client.request(method, path, headers=headers, **options)
    except httpx.HTTPError as error:
        raise Unable(f"{client.base_url}: {type(error).__name__}") from error
    if answer.is_error:
        told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        raise Unable(f"{answer.status_code} {told.get('rule', '')} {told.get('detail', '')} / {told.get('detail_en', '')}")
    return answer
