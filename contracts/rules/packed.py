"""The published parts in the index: packed until somebody asks for them, since a service looks at few of the thousands that it follows."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode

from contracts.catalogue import ChecklistPart, FormPart, Part, SituationsPart, TextsPart
from contracts.codec import Malformed
from contracts.documents import PARTS, read
from contracts.values import Digest, JsonObject

OPEN_AT_MOST = 500
"""Parts that stay unpacked, those asked for last; what is compiled from them is remembered by these very objects."""

_QUICKLY = 1
_EDITION = "1"
"""Of the briefs below; those of another edition are not understood."""


class PackedParts:
    """Parts by their digest."""

    def __init__(self, *, open_at_most: int = OPEN_AT_MOST) -> None:
        """None yet.

        Args:
            open_at_most: Parts that stay unpacked.
        """
        self._packed: dict[Digest, bytes] = {}
        self._open: dict[Digest, Part] = {}
        self._open_at_most = open_at_most

    def put(self, key: Digest, data: JsonObject | None) -> None:
        """Take a part; ``None``, or one of a kind that this reader does not know, takes out what is under its digest.

        Raises:
            Malformed: A known kind without the shape of its class.
        """
        self._open.pop(key, None)
        if data is None or _part(key, data) is None:
            self._packed.pop(key, None)
        else:
            self._packed[key] = zlib.compress(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(), _QUICKLY)

    def brief(self, key: Digest) -> str | None:
        """The part as it is packed, for `recall`; ``None`` where there is none."""
        packed = self._packed.get(key)
        return None if packed is None else f"{_EDITION}:{zlib.crc32(packed):08x}:{b64encode(packed).decode()}"

    def recall(self, key: Digest, brief: str) -> bool:
        """Take a part from its brief; False when the whole is needed, and nothing was changed."""
        edition, _, rest = brief.partition(":")
        checked, _, words = rest.partition(":")
        if edition != _EDITION:
            return False
        try:
            packed = b64decode(words, validate=True)
        except ValueError:
            return False
        if f"{zlib.crc32(packed):08x}" != checked:
            return False
        self._packed[key] = packed
        self._open.pop(key, None)
        return True

    def get(self, key: Digest) -> Part | None:
        """The part under a digest: the same object as long as it is asked for now and then.

        ``None``, too, for one that was recalled and that only the version of the software which packed it can read.
        """
        part = self._open.pop(key, None)
        if part is None:
            packed = self._packed.get(key)
            try:
                part = None if packed is None else _part(key, json.loads(zlib.decompress(packed)))
            except (Malformed, ValueError, zlib.error):
                part = None
            if part is None:
                return None
            if len(self._open) >= self._open_at_most:
                del self._open[next(iter(self._open))]
        self._open[key] = part
        return part


def _part(key: Digest, data: JsonObject) -> Part | None:
    part = read(topic=PARTS, key=key, data=data)
    return part if isinstance(part, FormPart | SituationsPart | ChecklistPart | TextsPart) else None
