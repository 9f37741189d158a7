"""Who may write and read which topic: ``deploy/rights.yaml``, and what Kafka must be told so that it holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from tongban_operations.terminal import Unable

Kind = Literal["topic", "group", "cluster"]
Operation = Literal["Read", "Write", "Describe", "IdempotentWrite"]

CLUSTER = "kafka-cluster"
"""The one name of that kind."""

_KEYS = {"writes", "hears", "follows", "learns"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What one user may do."""

    user: str
    """Its Kafka user; a service's is its name."""
    writes: tuple[str, ...]
    hears: tuple[str, ...]
    """Read as a member of the group that has the user's name."""
    follows: tuple[str, ...]
    """Read whole, without a group."""
    learns: tuple[str, ...]
    """Read back at the start, and by ``tongban restore learn``."""

    @property
    def reads(self) -> frozenset[str]:
        """Every topic it may read."""
        return frozenset({*self.hears, *self.follows, *self.learns})


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One rule of Kafka: a user may do this to a topic or as a group of exactly this name, from anywhere."""

    user: str
    kind: Kind
    name: str
    operations: tuple[Operation, ...]


def load(path: Path) -> tuple[Rights, ...]:
    """Read the list.

    Raises:
        Unable: The file is not a list of users with topics they write, hear and follow.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    users = content.get("users") if isinstance(content, dict) else None
    if not isinstance(users, dict) or not all(isinstance(each, dict) and each.keys() == _KEYS for each in users.values()):
        raise Unable(
            f"{path}: 应为 users 下的用户,各有 writes、hears、follows、learns / expected users with writes, hears, follows and learns"
        )
    return tuple(Rights(user=user, **{key: tuple(topics) for key, topics in each.items()}) for user, each in users.items())


def grants(rights: Sequence[Rights]) -> tuple[Grant, ...]:
    """What Kafka must allow, in the order of the list; who reads may also ask how far a topic goes, and so may who writes."""
    found = []
    for each in rights:
        for topic in sorted({*each.writes, *each.reads}):
            reads: tuple[Operation, ...] = ("Read",) if topic in each.reads else ()
            writes: tuple[Operation, ...] = ("Write",) if topic in each.writes else ()
            found.append(Grant(user=each.user, kind="topic", name=topic, operations=("Describe", *reads, *writes)))
        if each.hears:
            found.append(Grant(user=each.user, kind="group", name=each.user, operations=("Describe", "Read")))
        if not each.writes and each.follows:
            # Every process of a service has a writer ready, numbered by the broker; who writes to some topic may have that anyway, to a topic this opens none.
            found.append(Grant(user=each.user, kind="cluster", name=CLUSTER, operations=("IdempotentWrite",)))
    return tuple(found)
