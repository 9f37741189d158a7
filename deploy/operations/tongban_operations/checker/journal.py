r"""What callers were promised: a file that whoever feeds a system writes, one JSON object a line, before it goes on.

Three kinds of lines::

    {"answered": {"case_id": "…", "case_no": "…", …}}          the body of an answer 2xx to a call that changes something
    {"ended": "granted", "case_no": "…"}                       the caller saw the case closed with this ending
    {"let_go": "…"}                                            a material that the caller names in no application any more: it may go

An answer to handing in says so beside it, ``"act": "receive"``. Whoever keeps a journal keeps it of all calls, for a case that stands in
none is one too many.

Members of an answer that are not known here are passed over, so an answer is written as it came.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One thing that must be in a database."""

    kind: str
    """``case_no``, ``received``, ``notice_id``, ``transfer_id``, ``receipt``, ``delivery_id``, ``material_id`` or ``supplement``."""
    name: str
    """Its id; for a receipt and a supplement ``<case id>/<number>``, for a case number and a receipt of a case ``<case id>/<its number>``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A case that a caller saw closed."""

    case_no: str
    ending: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LetGo:
    """A material that is no promise any more."""

    material_id: str


def read_journal(path: Path) -> Iterator[Promise | Ended | LetGo]:
    """Everything promised, in order; a last line that was cut off while it was written promised nothing.

    Raises:
        ValueError: A whole line is no JSON object of a known kind.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                return
            entry = json.loads(line)
            if isinstance(entry.get("answered"), dict):
                yield from _promises(entry["answered"], act=str(entry.get("act", "")))
            elif "ended" in entry:
                yield Ended(case_no=str(entry["case_no"]), ending=str(entry["ended"]))
            elif "let_go" in entry:
                yield LetGo(material_id=str(entry["let_go"]))
            else:
                raise ValueError(f"{path.name}:{number}: neither an answer nor an end")


def _promises(answer: Mapping[str, Any], *, act: str) -> Iterator[Promise]:
    case_id = answer.get("case_id")
    if case_id and answer.get("case_no"):
        yield Promise(kind="case_no", name=f"{case_id}/{answer['case_no']}")
        if act == "receive":
            yield Promise(kind="received", name=f"{case_id}/{answer['case_no']}")
    for kind, member in (
        ("notice_id", "notice_id"),
        ("notice_id", "awaiting_seal"),
        ("transfer_id", "transfer_id"),
        ("delivery_id", "delivery_id"),
        ("material_id", "material_id"),
    ):
        if answer.get(member):
            yield Promise(kind=kind, name=str(answer[member]))
    receipt = answer.get("receipt")
    if isinstance(receipt, dict) and receipt.get("number"):
        yield Promise(kind="receipt", name=f"{receipt['case_id']}/{receipt['number']}")
    if case_id and answer.get("supplement"):
        yield Promise(kind="supplement", name=f"{case_id}/{answer['supplement']}")
