"""Fixtures and closing line for every test family; what they do is in ``tests/support``."""

import gc
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer

from tests.support.closing import closing_line
from tests.support.engines import database_url, databases, kafka, postgres, project
from tests.support.families import SideBySide, in_order
from tests.support.keeper import keep
from tests.support.whole import layout

__all__ = ["database_url", "databases", "kafka", "layout", "postgres", "project"]

# How fast values are made says only how busy the machine is.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")


def pytest_configure() -> None:
    """What is started from now on ends with this run."""
    keep()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run cheap families first, or the longest where several run side by side."""
    items[:] = in_order(items, side_by_side=hasattr(config, "workerinput"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """None of the tests is garbage: to look for some in all of them, again and again, takes a third of the time in which they are collected."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SideBySide:
    """Families stay whole when workers share the tests."""
    return SideBySide(config, log)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Close with the line that machines read, after pytest's own summary."""
    line = closing_line(config)
    if line is not None:
        print(line)  # noqa: T201 - the last line of every run
