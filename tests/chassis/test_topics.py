"""The one list of topics, and the crash points' setting."""

from datetime import timedelta
from pathlib import Path

import pytest

from chassis import crash, inbox
from chassis.topics import Topic, load
from contracts import documents, events
from contracts.codec import Malformed


def test_the_list_of_the_project_has_every_topic_that_is_written(project: Path) -> None:
    topics = {topic.name: topic for topic in load(project / "deploy" / "topics.yaml")}

    for name in (events.CASE_EVENTS, events.CREDENTIAL_EVENTS, events.ACCESS_EVENTS):
        assert not topics[name].compacted
        assert (topics[name].retention or timedelta()) >= timedelta(days=90)
    for name in (documents.VERSIONS, documents.PARTS, documents.RULES, documents.ACCESS_RULES):
        assert topics[name].compacted
        assert topics[name].retention is None


def test_an_event_is_remembered_longer_than_any_topic_keeps_it(project: Path) -> None:
    assert max(topic.retention for topic in load(project / "deploy" / "topics.yaml") if topic.retention) < inbox.KEPT_FOR


def test_a_topic_reads_kafkas_own_names_and_units() -> None:
    deleted = Topic(name="t", partitions=1, config={"retention.ms": "90000"})
    compacted = Topic(name="t", partitions=1, config={"cleanup.policy": "compact", "delete.retention.ms": "5000"})

    assert (deleted.compacted, deleted.retention) == (False, timedelta(seconds=90))
    assert (compacted.compacted, compacted.retention, compacted.tombstones) == (True, None, timedelta(seconds=5))


@pytest.mark.parametrize(
    "text",
    ["", "topics: 3", "topics: [3]", "topics: [{name: t}]", "topics: [{name: t, partitions: 0}]", "topics: [{name: t, partitions: 1, size: 3}]",
     "topics: [{name: t, partitions: 1}, {name: t, partitions: 1}]"],
)  # fmt: skip
def test_what_is_no_list_of_topics_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "topics.yaml"
    path.write_text(text)

    with pytest.raises(Malformed):
        load(path)


@pytest.mark.parametrize("setting", ["nowhere", "in-sealing:0", "in-sealing:x", "in-sealing:-1"])
def test_a_crash_point_that_is_none_is_refused(setting: str) -> None:
    with pytest.raises(crash.UnknownCrashPoint):
        crash.arm(setting)
