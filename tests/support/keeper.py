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
    waited_on, held = os.pipe()
    # In a session of its own: Ctrl-C in the terminal reaches the whole group. It carries no mark itself.
    keeper = subprocess.Popen(
        [sys.executable, "-m", __name__, marked],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=waited_on,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(waited_on)
    # It outlives this object, which would warn; so would a file over the other end, which stays open as long as this process lives.
    keeper.returncode = 0
    _HELD.append(held)
    os.environ[STARTER] = marked


_HELD: list[int] = []
"""Ends of pipes that nobody else has; a child is given none."""


if __name__ == "__main__":
    sys.stdin.buffer.read()
    end(sys.argv[1])
