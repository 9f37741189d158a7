"""The start of a process; imported before anything large is."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def starting() -> Iterator[None]:
    """Import what a service needs and make it in here: nothing of that is garbage, and to look for some takes a fifth of the time."""
    was_looked_for = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_looked_for:
            gc.enable()
