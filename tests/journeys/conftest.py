"""The whole system, running while the tests of this folder do."""

from collections.abc import Iterator

import pytest

from tests.support.whole import sign_in, system
from tongban_local.system import System

__all__ = ["sign_in", "system"]


@pytest.fixture
def mended(system: System) -> Iterator[System]:
    """The system, with every service running again afterwards whatever the test did."""
    yield system
    for service in system.services.values():
        if service.pid is None:
            service.start()
            service.wait_ready()
