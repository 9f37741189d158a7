"""The released version is replaced under load, and nobody who calls notices."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.upgrade.drill import Drill
from tests.upgrade.released import NotInThisClone, Release, unpack
from tongban_local.kafka import KafkaServer
from tongban_local.postgres import PostgresServer


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    """A log of the drill's own: two systems on one log would hear each other's cases."""
    server = KafkaServer.start(data=tmp_path / "kafka")
    yield server
    server.remove()


@pytest.mark.timeout(1200)
async def test_an_upgrade_under_load_fails_no_call_parks_nothing_and_loses_nothing(
    tmp_path: Path, postgres: PostgresServer, own_kafka: KafkaServer
) -> None:
    drill = Drill.prepare(tmp_path, postgres=postgres, kafka=own_kafka, prefix="upgrade")

    outcome = await drill.run(clerks=3, seconds=3.0, say=print)

    assert outcome.failed == {}
    assert outcome.unfinished == {}
    assert (outcome.parked, outcome.differences) == (0, [])
    assert outcome.cases > 0
    assert set(outcome.calls) >= {"old alone", "both versions are called", "new alone"}


def test_a_release_that_is_not_in_the_clone_is_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(NotInThisClone, match="version none is commit 0000000: git fetch --unshallow"):
        unpack(Release("none", "0000000"), folder=tmp_path)
