"""A material 材料: one file, known by what its bytes are, never by what its name says."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.refusals import Conflict, Invalid, NotFound
from contracts.values import Digest, OrganCode

MAX_BYTES = 20 * 1024 * 1024
"""Bytes a material may have, whatever its item allows."""

CHUNK_BYTES = 256 * 1024
"""Bytes sealed and stored as one piece."""

UNCLAIMED_FOR = timedelta(hours=24)
"""How long a material waits for a case before it goes."""

HEAD_BYTES = 4096
"""Bytes of the beginning that are enough to know a type."""

_MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
)
MEDIA_TYPES = (*(media_type for _, media_type in _MAGIC), "application/ofd")
"""Types taken in; an item's checklist narrows them."""


class MaterialNotFound(NotFound):
    """No such material, or it is hidden from this caller."""

    RULE = "material.not-found"
    ZH = "未找到该材料"
    EN = "There is no such material"


class MaterialTooLarge(Invalid):
    """It has more than `MAX_BYTES`."""

    RULE = "material.too-large"
    ZH = "材料文件超过大小上限"
    EN = "The material is too large"


class MaterialEmpty(Invalid):
    """It has no bytes, or the form had no file."""

    RULE = "material.empty"
    ZH = "材料文件为空"
    EN = "The material is empty"


class MaterialTypeUnsupported(Invalid):
    """The declared type is none of `MEDIA_TYPES`."""

    RULE = "material.type-unsupported"
    ZH = "不支持该材料文件类型"
    EN = "Materials of this type are not taken in"


class MaterialMistyped(Invalid):
    """The bytes are of another type than declared."""

    RULE = "material.mistyped"
    ZH = "材料文件内容与声明的类型不一致"
    EN = "The bytes of the material are not of the declared type"


class MaterialClaimed(Conflict):
    """Another case has it."""

    RULE = "material.claimed"
    ZH = "材料已用于其他办件"
    EN = "The material belongs to another case"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What is known of a file without opening it."""

    material_id: str
    """UUIDv7."""
    digest: Digest
    size: int
    """Bytes, plain."""
    media_type: str
    uploader: str
    """Keyed hash of who uploaded it."""
    organ: OrganCode | None
    """The uploader's organ; None for an applicant."""
    at: datetime

    def may_be_claimed_by(self, uploader: str, *, organs: Collection[OrganCode]) -> bool:
        """True for whoever uploaded it and for colleagues of the same organ, under any code that it had."""
        return self.uploader == uploader or self.organ in organs


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The one case that a material belongs to, with what decides who may open it."""

    material_id: str
    case_id: str
    receiving_region: str
    receiving_organ: str
    handling_region: str
    handling_organ: str
    applicant_key: str


class Incoming:
    """A file while it comes in: bounded, typed by its first bytes, hashed, cut into pieces."""

    def __init__(self, media_type: str, *, max_bytes: int = MAX_BYTES) -> None:
        """Begin with what was declared.

        Raises:
            MaterialTypeUnsupported: The declared type is none of `MEDIA_TYPES`.
        """
        if media_type not in MEDIA_TYPES:
            raise MaterialTypeUnsupported
        self.media_type = media_type
        self.size = 0
        self._max = max_bytes
        self._hash = hashlib.sha256()
        self._head = b""
        self._typed = False
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; give the pieces that are full.

        Raises:
            MaterialTooLarge: More than the bound.
            MaterialMistyped: The first bytes are of another type.
        """
        self.size += len(data)
        if self.size > self._max:
            raise MaterialTooLarge
        self._hash.update(data)
        self._rest += data
        if not self._typed:
            self._head += data[: HEAD_BYTES - len(self._head)]
            if len(self._head) >= HEAD_BYTES:
                self._check_type()
        pieces = []
        while len(self._rest) >= CHUNK_BYTES:
            pieces.append(bytes(self._rest[:CHUNK_BYTES]))
            del self._rest[:CHUNK_BYTES]
        return pieces

    def finish(self) -> list[bytes]:
        """Give the last piece; nothing follows.

        Raises:
            MaterialEmpty: There was none.
            MaterialMistyped: The bytes are of another type.
        """
        if self.size == 0:
            raise MaterialEmpty
        if not self._typed:
            self._check_type()
        return [bytes(self._rest)] if self._rest else []

    @property
    def digest(self) -> Digest:
        """Of the plain bytes so far."""
        return Digest("sha256:" + self._hash.hexdigest())

    def _check_type(self) -> None:
        if sniff(self._head) != self.media_type:
            raise MaterialMistyped
        self._typed = True


def sniff(head: bytes) -> str | None:
    """The type that the first `HEAD_BYTES` bytes show; None for one that is not taken in.

    Source: the formats' own signatures; GB/T 33190 for OFD, a ZIP whose document is ``OFD.xml``.
    """
    if head.startswith(b"PK\x03\x04"):
        return "application/ofd" if b"OFD.xml" in head else None
    return next((media_type for magic, media_type in _MAGIC if head.startswith(magic)), None)
