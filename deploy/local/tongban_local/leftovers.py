"""What ends with its starter: engines and services of a test run, also where that was killed.

An engine outlives whoever starts it, so that ``make run`` finds its data running again. A run of tests wants the opposite: it puts its mark
into the environment, which all that it starts inherits, and a process beside it ends what carries that mark once the run is gone. Folders
outside the run's own carry the mark in a file; what a killed machine left of them goes with the next run. What has no mark is never touched.
"""

import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path

import psutil

from tongban_local.binaries import SHARED_PLACE
from tongban_local.processes import wait_until, working_in

STARTER = "TONGBAN_STARTER"
"""Variable that holds the mark of the run to which a process belongs; not set for what outlives its starter."""

MARK = "starter"
"""The file that holds the mark in a folder of data."""

_SAME_START = 5.0
"""Seconds by which two looks at when a process started may differ: it is reckoned from the clock."""
_ENDING = 10.0


def mark() -> str:
    """The mark of this process: its id and when it started, since an id is given again."""
    return f"{os.getpid()} {psutil.Process().create_time():.2f}"


def is_gone(marked: str) -> bool:
    """True when the process of this mark lives no more; false too where the mark cannot be read."""
    try:
        pid, started = marked.split()
        return abs(psutil.Process(int(pid)).create_time() - float(started)) > _SAME_START
    except psutil.NoSuchProcess:
        return True
    except (ValueError, psutil.Error):
        return False


def claim(folder: Path) -> None:
    """Mark a new folder of data, where this process belongs to a run."""
    if STARTER in os.environ:
        (folder / MARK).write_text(os.environ[STARTER])


def end(marked: str, *, shared: Path = SHARED_PLACE) -> None:
    """End every process of a run that is gone, and remove the folders it left."""
    wait_until(lambda: not _kill(marked), seconds=_ENDING)
    # What an engine leaves behind for a moment carries no mark, and works in the folder still.
    wait_until(lambda: not _removed_all_but(marked, shared=shared), seconds=_ENDING)


def remove_abandoned(*, shared: Path = SHARED_PLACE) -> list[Path]:
    """Remove folders of runs that are gone; none in which a process still works. Which ones."""
    removed: list[Path] = []
    with suppress(OSError):
        for found in sorted(shared.glob(f"*/{MARK}")):
            folder = found.parent
            with suppress(OSError):
                if is_gone(found.read_text()) and not any(working_in(each) for each in (folder, folder / "cluster")):
                    shutil.rmtree(folder, ignore_errors=True)
                    removed.append(folder)
    return removed


def _removed_all_but(marked: str, *, shared: Path) -> bool:
    """Whether a folder of this run is left after what can be removed was."""
    remove_abandoned(shared=shared)
    with suppress(OSError):
        return any(found.read_text() == marked for found in shared.glob(f"*/{MARK}"))
    return False


def _kill(marked: str) -> int:
    """End what carries the mark; how many there were."""
    count = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE and process.environ().get(STARTER) == marked:
                process.send_signal(signal.SIGKILL)
                count += 1
    return count
