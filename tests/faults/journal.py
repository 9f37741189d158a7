"""What was promised to callers: every answer that said yes, in a file, written before the caller goes on.

The form is that of `tongban_operations.checker.journal`, which reads it when the run is over.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson


class Journal:
    """A file of JSON lines; what stands in it must be found in the system for ever."""

    def __init__(self, path: Path) -> None:
        """Begin the file anew."""
        self.path = path
        self.answers = 0
        """How many promises it holds."""
        self._file = path.open("wb")

    def answered(self, body: dict[str, Any], *, act: str, key: str) -> None:
        """A call that changes something was answered with yes."""
        self._write({"answered": body, "act": act, "key": key})
        self.answers += 1

    def ended(self, case_no: str, *, ending: str) -> None:
        """A caller saw the case closed."""
        self._write({"ended": ending, "case_no": case_no})

    def let_go(self, material_id: str) -> None:
        """The caller names a material in no application any more."""
        self._write({"let_go": material_id})

    def close(self) -> None:
        """Nothing more is promised."""
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._file.write(orjson.dumps(line | {"at": at}) + b"\n")
        # In the hands of the operating system before the caller goes on: a promise must outlive whoever heard it.
        self._file.flush()
