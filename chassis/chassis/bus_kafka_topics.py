"""Which log a Kafka topic is: one that was lost and made anew has the same name and counts its offsets from 0, but another id.

aiokafka does not ask for the ids of topics; the one request that does (KIP-516, in this version Kafka 3.1 and later) is
written down here.
"""

from collections.abc import Collection, Mapping
from io import BytesIO
from uuid import UUID

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import AbstractType, Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

_UNKNOWN = UUID(int=0)


async def ids(client: AIOKafkaClient, topics: Collection[str]) -> Mapping[str, str]:
    """The id of each of these topics; without those that are not there.

    Raises:
        KafkaError: No broker answered, or not about one of them.
    """
    answer = await client.send(client.get_random_node(), _Described(topics))
    found: dict[str, str] = {}
    for code, name, topic_id, *_ in answer.topics:
        if code == 0 and topic_id != _UNKNOWN:
            found[name] = str(topic_id)
        elif code != UnknownTopicOrPartitionError.errno:
            raise for_code(code)(name)
    return found


class _Uuid(AbstractType[UUID]):  # type: ignore[misc]  # aiokafka has no types
    @classmethod
    def encode(cls, value: UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> UUID:
        return UUID(bytes=data.read(16))


class _Answer(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(("node_id", Int32), ("host", CompactString()), ("port", Int32), ("rack", CompactString()), ("tags", TaggedFields)),
        ),
        ("cluster_id", CompactString()),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString()),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition_index", Int32),
                        ("leader_id", Int32),
                        ("leader_epoch", Int32),
                        ("replica_nodes", CompactArray(Int32)),
                        ("isr_nodes", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("topic_authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _Question(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 12
    RESPONSE_TYPE = _Answer
    FLEXIBLE_VERSION = True
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", CompactString()), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _Described(Request[_Question]):  # type: ignore[misc]
    """Kafka's Metadata request, version 12, about some topics by their names."""

    API_KEY = 3

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = sorted(topics)

    def build(self, request_struct_class: type[_Question]) -> _Question:
        return request_struct_class([(_UNKNOWN, name, {}) for name in self._topics], False, False, {})
