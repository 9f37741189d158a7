"""States of one version of a service item, and the moves between them."""

from collections.abc import Mapping
from enum import StrEnum

from contracts.catalogue import VersionState


class ItemVersionState(StrEnum):
    """States of one version."""

    DRAFT = "draft"
    REVIEWED = "reviewed"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"
    """A later version is published; holds until that one takes effect, and is published again where that one is taken back before."""
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"


MOVES: Mapping[ItemVersionState, frozenset[ItemVersionState]] = {
    ItemVersionState.DRAFT: frozenset({ItemVersionState.REVIEWED, ItemVersionState.WITHDRAWN}),
    ItemVersionState.REVIEWED: frozenset({ItemVersionState.PUBLISHED, ItemVersionState.WITHDRAWN}),
    ItemVersionState.PUBLISHED: frozenset({ItemVersionState.SUPERSEDED, ItemVersionState.SUSPENDED, ItemVersionState.WITHDRAWN}),
    ItemVersionState.SUSPENDED: frozenset({ItemVersionState.SUPERSEDED, ItemVersionState.WITHDRAWN}),
    ItemVersionState.SUPERSEDED: frozenset({ItemVersionState.PUBLISHED, ItemVersionState.SUSPENDED, ItemVersionState.WITHDRAWN}),
    ItemVersionState.WITHDRAWN: frozenset(),
}

TOLD: Mapping[ItemVersionState, VersionState] = {
    ItemVersionState.PUBLISHED: VersionState.PUBLISHED,
    ItemVersionState.SUPERSEDED: VersionState.PUBLISHED,
    ItemVersionState.SUSPENDED: VersionState.SUSPENDED,
    ItemVersionState.WITHDRAWN: VersionState.WITHDRAWN,
}
"""What other services hear of each; they hear of none before it is published."""

HOLDING = frozenset({ItemVersionState.PUBLISHED, ItemVersionState.SUPERSEDED})
"""States in which a version holds from its start to its end."""

LIVE = frozenset({ItemVersionState.DRAFT, ItemVersionState.REVIEWED, ItemVersionState.PUBLISHED})
"""States of a version that waits for an officer, or whose place no later one has taken."""
