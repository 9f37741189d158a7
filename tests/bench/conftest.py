"""A system of the bench's own: durable engines that tell when each row was committed, which those of the other families do not."""

from collections.abc import Iterator

import pytest

from bench.rig import Rig, running


@pytest.fixture(scope="package")
def rig() -> Iterator[Rig]:
    """Five running services that nobody else uses."""
    with running() as rig:
        yield rig
