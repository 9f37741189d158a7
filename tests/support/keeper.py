"""Ends what a run of tests started once the run is gone, also where nobody could clean up: Ctrl-C twice, ``kill -9``.

A signal that the kernel sends at a parent's death would come when the thread ends that started the engine, and tests start engines in
threads. So a small process waits for the end of a pipe that only the run holds open.
"""

import os
import subprocess
import sys
from pathlib import Path

from tongban_local.leftovers import STARTER, end, is_gone, mark, remove_abandoned


def keep() -> None:
    """Let all that this process starts from now on end with it; whoever belongs to a run already leaves it to that run."""
    if (of := os.environ.get(STARTER)) is not None and not is_gone(of):
        return
    remove_abandoned()
    marked = mark()
    # In a session of its own: Ctrl-C in the terminal reaches the whole group. It carries no mark itself.
    keeper = subprocess.Popen(
        [sys.executable, "-m", __name__, marked],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # It outlives this object, which would warn.
    keeper.returncode = 0
    _KEPT.append(keeper)
    os.environ[STARTER] = marked


_KEPT: list[subprocess.Popen[bytes]] = []
"""Its pipe stays open as long as this process lives."""


if __name__ == "__main__":
    sys.stdin.buffer.read()
    end(sys.argv[1])
