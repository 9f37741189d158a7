"""``tongban topics apply|strimzi``: the topics and who may write and read them, made from the two lists.

``apply`` makes what is missing on a Kafka of one's own and takes nothing away; ``strimzi`` writes the same as manifests, for clusters whose
operators keep topics and users.
"""

import argparse
import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import CreateAclsRequest

from chassis import topics
from chassis.bus import BusTrouble
from chassis.bus_kafka import KafkaBus
from chassis.kafka_address import KafkaAddress
from chassis.topics import Topic
from tongban_operations import rights, strimzi
from tongban_operations.rights import Grant
from tongban_operations.terminal import Commands, Unable, conclude, say

DEPLOY = Path("deploy")
"""Where the lists lie in a working copy and in an image, from the folder that commands are run in."""

PATIENCE = 120.0
"""Seconds that brokers which are just starting may take."""

_RESOURCES = {"topic": 2, "group": 3, "cluster": 4}
_OPERATIONS = {"Read": 3, "Write": 4, "Describe": 8, "IdempotentWrite": 12}
_LITERAL = 3
_ALLOW = 3
"""Numbers of Kafka's protocol."""


def register(commands: Commands) -> None:
    """Add the commands."""
    parser = commands.add_parser("topics", help="主题及其读写权限 / topics, and who may write and read them")
    acts = parser.add_subparsers(required=True, metavar="act")
    apply = acts.add_parser("apply", help="在 Kafka 上建主题、授权限 / make the topics and grant the rights")
    apply.add_argument("--kafka", default=os.environ.get("TONGBAN_KAFKA", ""), help="host:port[,…] [TONGBAN_KAFKA]")
    apply.add_argument("--user", default="", help="Kafka 管理用户 / a user that may do all; without it no rights are granted")
    apply.add_argument("--password-file", type=Path)
    apply.add_argument("--mechanism", choices=("SCRAM-SHA-512", "PLAIN"), default="SCRAM-SHA-512")
    apply.add_argument("--authority-file", type=Path, help="经纪人证书的签发者 / whom the brokers' certificates come from")
    apply.add_argument("--json", action="store_true", help="输出 JSON / print JSON")
    apply.set_defaults(run=_apply)
    manifests = acts.add_parser("strimzi", help="写出 Strimzi 清单 / write the same as Strimzi's manifests")
    manifests.add_argument("folder", type=Path)
    manifests.set_defaults(run=_write)
    for act in (apply, manifests):
        act.add_argument("--topics", type=Path, default=DEPLOY / "topics.yaml", help="主题清单 / the list of topics")
        act.add_argument("--rights", type=Path, default=DEPLOY / "rights.yaml", help="权限清单 / the list of rights")


def _apply(chosen: argparse.Namespace) -> int:
    wanted = topics.load(chosen.topics)
    granted = rights.grants(rights.load(chosen.rights)) if chosen.user else ()
    if bool(chosen.user) != (chosen.password_file is not None):
        raise Unable("--user 与 --password-file 须一并给出 / come together")
    address = KafkaAddress(
        bootstrap=chosen.kafka,
        user=chosen.user,
        password="" if chosen.password_file is None else chosen.password_file.read_text(encoding="utf-8").rstrip("\r\n"),
        mechanism=chosen.mechanism,
        authority=chosen.authority_file,
    )
    asyncio.run(_make(address, wanted=wanted, granted=granted))
    done = {"topics": len(wanted), "grants": len(granted)}
    conclude(done, as_json=chosen.json, sentence=f"主题 {len(wanted)} 个、权限 {len(granted)} 项就绪 / topics and rights are in place")
    return 0


async def _make(address: KafkaAddress, *, wanted: Sequence[Topic], granted: Sequence[Grant]) -> None:
    """Wait for the brokers, make what is missing.

    Raises:
        Unable: They cannot be reached, or refuse.
    """
    last: Exception | None = None
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                bus = KafkaBus(address)
                try:
                    await bus.create(wanted)
                    await _grant(address, granted)
                except (BusTrouble, KafkaError, OSError) as error:
                    if last is None:
                        say("等待 Kafka / waiting for Kafka …")
                    last = error
                    await asyncio.sleep(1)
                else:
                    return
                finally:
                    await bus.stop()
    except TimeoutError:
        raise Unable(f"{address.bootstrap}: {type(last).__name__}") from last


async def _grant(address: KafkaAddress, granted: Sequence[Grant]) -> None:
    if not granted:
        return
    client = AIOKafkaClient(**address.options())
    try:
        await client.bootstrap()
        for grant in granted:
            for operation in grant.operations:
                rule = (_RESOURCES[grant.kind], grant.name, _LITERAL, f"User:{grant.user}", "*", _OPERATIONS[operation], _ALLOW)
                answer = await client.send(client.get_random_node(), CreateAclsRequest(*rule))
                for code, message in answer.creation_responses:
                    if code:
                        raise Unable(f"{grant.kind} {grant.name}, {operation}: {message or code}")
    finally:
        with suppress(KafkaError, OSError):
            await client.close()


def _write(chosen: argparse.Namespace) -> int:
    listed = topics.load(chosen.topics)
    users = rights.load(chosen.rights)
    (chosen.folder / "topics.yaml").write_text(strimzi.topics(listed), encoding="utf-8")
    (chosen.folder / "users.yaml").write_text(strimzi.users(users), encoding="utf-8")
    say(f"{chosen.folder}: {len(listed)} KafkaTopic, {len(users)} KafkaUser")
    return 0
