"""The private Kafka: once started, found again, back after a crash, three that survive the loss of one."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tongban_local import jars
from tongban_local.kafka import KafkaServer, members
from tongban_local.processes import EngineFailed, wait_until, working_in

PATIENCE = 120.0
"""Seconds until something must have happened; a guard against hanging."""


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    server = KafkaServer.start(data=tmp_path_factory.mktemp("three"), brokers=3)
    yield server
    server.remove()


def ports(server: KafkaServer) -> list[int]:
    return [int(address.rpartition(":")[2]) for address in server.bootstrap.split(",")]


def cluster_id(data: Path) -> str:
    lines = (data / "broker-1" / "records" / "meta.properties").read_text().splitlines()
    return next(line for line in lines if line.startswith("cluster.id="))


def test_a_second_start_adopts_the_running_brokers(three: KafkaServer) -> None:
    again = KafkaServer.start(data=three.data)

    assert again.adopted
    assert again.bootstrap == three.bootstrap


def test_three_brokers_lose_one_and_take_it_back(three: KafkaServer) -> None:
    first, second, _ = ports(three)

    three.kill(1)
    lost = wait_until(lambda: members(second) == [2, 3], seconds=PATIENCE)
    three.restart()

    assert lost
    assert wait_until(lambda: members(first) == [1, 2, 3], seconds=PATIENCE)


def test_a_paused_broker_keeps_its_connections_and_answers_nothing_until_it_goes_on(three: KafkaServer) -> None:
    first = ports(three)[0]

    three.pause(1)
    while_paused = members(first)
    three.resume(1)

    assert while_paused == []
    assert wait_until(lambda: members(first) == [1, 2, 3], seconds=PATIENCE)


def test_stop_leaves_no_process_behind_and_the_data_starts_again_under_its_old_identity(tmp_path: Path) -> None:
    server = KafkaServer.start(data=tmp_path)
    cluster = cluster_id(tmp_path)

    server.stop()
    left = working_in(tmp_path / "broker-1")
    again = KafkaServer.start(data=tmp_path)
    cluster_again = cluster_id(tmp_path)
    again.remove()

    assert left == []
    assert not again.adopted
    assert cluster_again == cluster


def test_one_kafka_serves_a_whole_run(kafka: KafkaServer) -> None:
    assert wait_until(lambda: members(ports(kafka)[0]) == [1], seconds=PATIENCE)


def test_every_jar_is_one_of_those_we_know(kafka: KafkaServer) -> None:
    java = jars.install()

    lines = [line.split() for line in (jars.RECIPE / "jars.sha256").read_text().splitlines()]
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in java.jars.iterdir()} == {
        name: digest for digest, name in lines
    }


def test_without_java_and_without_the_right_to_install_it_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    with pytest.raises(EngineFailed, match="apt-get install"):
        jars.install()
