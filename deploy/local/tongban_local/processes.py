"""Engine processes: started so that they outlive their starter, found again by their working folder, ended by their id.

An engine works in a folder of its own. A process id found in a file is ours only while the process is alive, no zombie, and works in
that folder; a number alone may long belong to somebody else.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

NOBODY = 65534
"""The account that engines run under when we are root: one without rights; PostgreSQL refuses root itself."""

Progress = Callable[[str], None]
"""Takes one line for the person who waits."""


class EngineFailed(RuntimeError):
    """An engine could not be installed, started or stopped; the text says what to do and is shown as it is."""


def quiet(_: str) -> None:
    """Progress nobody reads."""


def is_root() -> bool:
    """True when this process may act for other accounts."""
    return os.geteuid() == 0


def works_in(pid: int, *, folder: Path) -> bool:
    """True when the process is alive, no zombie, and its working folder is exactly this one."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == folder
    except (psutil.Error, OSError):
        return False


def working_in(folder: Path) -> list[int]:
    """Ids of all live processes that work in this folder, as far as our account may see them."""
    return [pid for pid in psutil.pids() if works_in(pid, folder=folder)]


@dataclass(frozen=True, slots=True)
class EngineProcess:
    """A live engine: our child, or one adopted from an earlier run of ours."""

    pid: int
    folder: Path
    """Where it works, resolved."""

    @classmethod
    def start(
        cls, command: Sequence[str | Path], *, folder: Path, log: Path, environment: Mapping[str, str] | None = None, nobody: bool = False
    ) -> "EngineProcess":
        """Start a program in a session of its own, so that Ctrl-C in our terminal does not reach it.

        Args:
            command: Program and arguments.
            folder: Its working folder, by which it is found again.
            log: What it prints is appended here.
            environment: Its whole environment; None passes ours on.
            nobody: Run it under an account without rights; only root may ask for this.
        """
        with log.open("ab") as sink:
            child = subprocess.Popen(
                [str(part) for part in command],
                cwd=folder,
                env=None if environment is None else dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=NOBODY if nobody else None,
                group=NOBODY if nobody else None,
                extra_groups=[] if nobody else None,
            )
        # It is meant to outlive this object, and its end is collected by ``alive``: Popen must neither warn nor wait.
        child.returncode = 0
        return cls(pid=child.pid, folder=folder.resolve())

    def alive(self) -> bool:
        """True while it runs; when it was our child and has ended, its exit status is collected."""
        with suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        return works_in(self.pid, folder=self.folder)

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when it is gone already."""
        if self.alive():
            os.kill(self.pid, number)

    def end(self, number: signal.Signals, *, seconds: float) -> bool:
        """Send a signal and wait until the process is gone; false when it still lives after so many seconds."""
        self.send(number)
        return wait_until(lambda: not self.alive(), seconds=seconds)


def wait_until(holds: Callable[[], bool], *, seconds: float) -> bool:
    """Ask every 10 ms until the answer is true; false when it never was within so many seconds."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def last_lines(log: Path, *, count: int = 8) -> str:
    """The end of a log, for an error message; empty when there is none."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
