"""The one list of topics, ``deploy/topics.yaml``, as both logs and the tests read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import yaml

from contracts.codec import Malformed

_KEYS = {"name", "partitions", "config"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic of the log."""

    name: str
    partitions: int
    """From 1; never changed once there are records: a key would move to another partition and lose its order."""
    config: Mapping[str, str] = field(default_factory=dict)
    """Kafka's own names and units; the PostgreSQL log reads what the properties below read."""

    @property
    def compacted(self) -> bool:
        """Keeps the newest record of every key for ever, instead of every record for a while."""
        return self.config.get("cleanup.policy") == "compact"

    @property
    def retention(self) -> timedelta | None:
        """How long records are kept at least, when not compacted; ``None`` for ever. Kafka's default is a week."""
        milliseconds = int(self.config.get("retention.ms", "604800000"))
        return None if self.compacted or milliseconds < 0 else timedelta(milliseconds=milliseconds)

    @property
    def tombstones(self) -> timedelta:
        """How long a removed key can still be seen to be removed, when compacted."""
        return timedelta(milliseconds=int(self.config.get("delete.retention.ms", "86400000")))


def load(path: Path) -> tuple[Topic, ...]:
    """Read the list.

    Raises:
        Malformed: The file is not a list of topics.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    listed = content.get("topics") if isinstance(content, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise Malformed(f"{path.name}: expected a list under topics")
    topics = tuple(_topic(one, path=path) for one in listed)
    if len({topic.name for topic in topics}) != len(topics):
        raise Malformed(f"{path.name}: a topic is listed twice")
    return topics


def _topic(raw: Mapping[str, object], *, path: Path) -> Topic:
    name, partitions, config = raw.get("name"), raw.get("partitions"), raw.get("config", {})
    if not isinstance(name, str) or not isinstance(partitions, int) or partitions < 1 or not isinstance(config, dict) or raw.keys() - _KEYS:
        raise Malformed(f"{path.name}: a topic has a name, partitions from 1, a config, and nothing else")
    return Topic(name=name, partitions=partitions, config={str(key): str(value) for key, value in config.items()})
