"""What a cancelled certificate does to a checklist: it leaves it at once, for new and for open cases (S-35).

The one exception to the pinning of versions, and in one direction: a requirement can leave a case, none ever enters it, for
a cancelled row is never listed again and a version's checklist never grows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from contracts.catalogue import ChecklistPart
from contracts.certificates import Certificate, CertificateState
from contracts.codec import decode
from contracts.values import JsonObject


class Cancelled:
    """The cancelled rows of the list, as a follower of the catalogue hears of them."""

    def __init__(self) -> None:
        """None yet."""
        self._ids: set[str] = set()

    def hear(self, certificate_id: str, data: JsonObject | None) -> None:
        """Take one record under ``certificate/<id>``; a tombstone forgets the row.

        Raises:
            Malformed: Without the shape of a `Certificate`.
        """
        if data is not None and decode(Certificate, data).state is CertificateState.CANCELLED:
            self._ids.add(certificate_id)
        else:
            self._ids.discard(certificate_id)

    def leave(self, checklist: ChecklistPart) -> tuple[ChecklistPart, frozenset[str]]:
        """`without_cancelled` by what was heard."""
        return without_cancelled(checklist, cancelled=self._ids)


def without_cancelled(checklist: ChecklistPart, *, cancelled: Collection[str]) -> tuple[ChecklistPart, frozenset[str]]:
    """The checklist that is still asked for.

    Args:
        checklist: As published with its version.
        cancelled: Ids of cancelled rows of the certificate list.

    Returns:
        The checklist itself where nothing of it was cancelled, and the codes of the materials that left it.
    """
    dropped = frozenset(one.code for one in checklist.materials if one.certificate in cancelled) if cancelled else frozenset[str]()
    if not dropped:
        return checklist, dropped
    return replace(checklist, materials=tuple(one for one in checklist.materials if one.code not in dropped)), dropped
