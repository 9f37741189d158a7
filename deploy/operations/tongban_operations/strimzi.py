"""Topics and users as the manifests that Strimzi's operators keep a Kafka to."""

from collections.abc import Sequence
from typing import Any

import yaml

from chassis.topics import Topic
from tongban_operations.rights import Grant, Rights, grants

API_VERSION = "kafka.strimzi.io/v1"
CLUSTER = "tongban-kafka"
"""The Kafka resource in whose namespace the manifests lie."""

COPIES = 3
_PREFIX = "tongban-"
"""Begins the names of users: the secret with a user's password has the user's name."""

_HEADING = "# Written by `tongban topics strimzi` from deploy/topics.yaml and deploy/rights.yaml; a test compares.\n"


def topics(listed: Sequence[Topic]) -> str:
    """One KafkaTopic each; two of three copies must have a record before it is acknowledged."""
    return _HEADING + "---\n".join(_text(_topic(each)) for each in listed)


def users(listed: Sequence[Rights]) -> str:
    """One KafkaUser each, with a password that the operator makes and exactly the listed rights."""
    return _HEADING + "---\n".join(_text(_user(each)) for each in listed)


def user_name(user: str) -> str:
    """How a user of the list is called here."""
    return _PREFIX + user


def _topic(topic: Topic) -> dict[str, Any]:
    config = dict(topic.config) | {"min.insync.replicas": str(COPIES - 1)}
    return _resource("KafkaTopic", name=topic.name, spec={"partitions": topic.partitions, "replicas": COPIES, "config": config})


def _user(rights: Rights) -> dict[str, Any]:
    rules = [
        {"resource": {"type": each.kind} if each.kind == "cluster" else _named(each), "operations": [*each.operations]}
        for each in grants([rights])
    ]
    spec: dict[str, Any] = {"authentication": {"type": "scram-sha-512"}, "authorization": {"type": "simple", "acls": rules}}
    return _resource("KafkaUser", name=user_name(rights.user), spec=spec)


def _named(grant: Grant) -> dict[str, str]:
    return {"type": grant.kind, "name": grant.name, "patternType": "literal"}


def _resource(kind: str, *, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"strimzi.io/cluster": CLUSTER}}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _text(resource: dict[str, Any]) -> str:
    return yaml.safe_dump(resource, sort_keys=False, allow_unicode=True)
