"""The start of a process: what is imported is not looked through for garbage, what comes afterwards is."""

import gc

import pytest

from chassis.starting import starting


def test_garbage_is_looked_for_again_once_everything_is_made_or_failed() -> None:
    with starting():
        assert not gc.isenabled()
    assert gc.isenabled()

    with pytest.raises(ZeroDivisionError), starting():
        1 // 0  # noqa: B018 - it is to fail
    assert gc.isenabled()


def test_who_had_it_left_alone_before_has_it_left_alone_after() -> None:
    with starting():
        with starting():
            pass
        assert not gc.isenabled()
