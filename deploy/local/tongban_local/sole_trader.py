"""An application for 个体工商户登记 as a window clerk fills it in; the people in it do not exist."""

from __future__ import annotations

import copy
import struct
import zlib
from typing import Any

from tongban_local.visitor import Visitor

ITEM = "000131014000"
"""个体工商户登记, base code of the seed."""
LIUYANG, TONGGU = "430181", "360926"
WANZAI = "360922"
"""Its agreement with 浏阳 has expired."""
NAME, ID_NUMBER, PHONE = "陈默言", "360926199003070000", "13970501234"
"""The applicant of the story; the number is well formed and of nobody."""

FORM: dict[str, Any] = {
    "operator_name": NAME,
    "phone": PHONE,
    "composition": "individual",
    "uses_name": True,
    "trade_name": "浏阳市默言蒸菜馆",
    "industry_code": "H6210",
    "business_scope": ["正餐服务", "外卖递送服务"],
    "permit_note": "post",
    "business_place": {"town": "430181002", "address": "集里街道北正中路128号一楼", "right": "rent"},
    "capital_yuan": 80000,
    "employees": 3,
    "copies": 1,
}
"""A steamed-dishes restaurant in 浏阳, complete."""

MATERIALS = ("application_form", "id_card", "place_proof")
"""What opening a business by the operator in person needs."""


def application(materials: list[dict[str, str]], **changes: Any) -> dict[str, Any]:
    """A whole application; ``changes`` replace top-level members, ``form`` and ``applicant`` are merged."""
    body: dict[str, Any] = {
        "item_code": ITEM,
        "handling_region": LIUYANG,
        "situation": "open",
        "facts": {"matter": "open", "by_agent": False},
        "applicant": {"type": "natural", "name": NAME, "id_type": "resident_id", "id_number": ID_NUMBER, "phone": PHONE},
        "form": copy.deepcopy(FORM),
        "materials": materials,
    }
    for name in ("form", "applicant"):
        body[name] |= changes.pop(name, {})
    return body | changes


def scan(seed: int) -> bytes:
    """A small real PNG that differs by seed, as a scanner would make a large one."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    side = 32
    rows = b"".join(b"\x00" + bytes((seed * 7 + x * 5 + y * 3) % 256 for x in range(side)) for y in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


async def upload(clerk: Visitor, codes: tuple[str, ...] = MATERIALS, *, seed: int = 1) -> list[dict[str, str]]:
    """Upload one scan for each material and name them as an application does."""
    named = []
    for number, code in enumerate(codes):
        kept = await clerk.post("/materials", content=scan(seed * 31 + number), headers={"Content-Type": "image/png"})
        named.append({"code": code, "material_id": kept["material_id"]})
    return named
