"""What a run of the seed leaves as it is, and why: told at its end, for those who run the system."""

from collections.abc import Iterator
from dataclasses import dataclass, field

CHANGED = "changed here 已由本地修改"
TAKEN_BACK = "suspended, withdrawn or followed here 已由本地停用、撤回或接续"
GIVEN_UP = "given up here 已由本地停用"

NAMED = 20
"""How many of one kind and reason are named; the line says how many there are."""


@dataclass(slots=True)
class Left:
    """By kind of document and reason the keys; no one twice, however often a run meets it."""

    _found: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)

    def note(self, kind: str, why: str, *keys: str) -> None:
        """Keep that these are left out.

        Args:
            kind: Of the documents.
            why: One of this module's reasons, or the id of the rule that refused them.
            keys: Codes and ids.
        """
        if keys:
            self._found.setdefault((kind, why), {}).update(dict.fromkeys(keys))

    def lines(self) -> Iterator[str]:
        """A line for each kind and reason: how many, why, and which."""
        for (kind, why), keys in sorted(self._found.items()):
            named = ", ".join([*keys][:NAMED]) + (", …" if len(keys) > NAMED else "")
            yield f"left as they are 保留原状: {len(keys)} {kind}, {why}: {named}"
