"""What a run of tests started ends with it, however it ends; nothing else is touched."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tongban_local.leftovers import MARK, STARTER, mark, remove_abandoned
from tongban_local.processes import EngineProcess, wait_until, works_in

RUN = """
import sys, time
from pathlib import Path
import psutil
from tests.support.keeper import keep
from tongban_local.postgres import PostgresServer
from tongban_local.processes import EngineProcess

keep()
folder = Path(sys.argv[1])
server = PostgresServer.start(data=folder / "data", durable=False)
other = EngineProcess.start(["sleep", "3000"], folder=folder, log=folder / "log")
print(server.pid, Path(psutil.Process(server.pid).cwd()).parent, other.pid, flush=True)
time.sleep(3000)
"""

LONG_AGO = "1 1.00"
"""The mark of a process that is gone: the first one has this id and began later."""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_engines_and_their_data_go_with_a_run_that_is_killed(tmp_path: Path, project: Path, number: signal.Signals) -> None:
    environment = {name: value for name, value in os.environ.items() if name != STARTER}
    environment["PYTHONPATH"] = os.pathsep.join([str(project), *filter(None, sys.path)])
    with subprocess.Popen([sys.executable, "-c", RUN, tmp_path], env=environment, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        server, place, other = run.stdout.readline().split()
        assert works_in(int(server), folder=Path(place) / "cluster")
        run.send_signal(number)

    assert wait_until(lambda: not works_in(int(server), folder=Path(place) / "cluster"), seconds=120)
    assert wait_until(lambda: not works_in(int(other), folder=tmp_path), seconds=120)
    assert wait_until(lambda: not Path(place, MARK).exists(), seconds=120)


def test_only_marked_folders_of_runs_that_are_gone_and_that_nobody_works_in_are_removed(tmp_path: Path) -> None:
    for name, marked in {"gone": LONG_AGO, "used": LONG_AGO, "running": mark(), "spoilt": "?", "kept": None}.items():
        (tmp_path / name / "cluster").mkdir(parents=True)
        if marked is not None:
            (tmp_path / name / MARK).write_text(marked)
    working = EngineProcess.start(["sleep", "600"], folder=tmp_path / "used" / "cluster", log=tmp_path / "log")

    removed = remove_abandoned(shared=tmp_path)
    working.end(signal.SIGKILL, seconds=5)

    assert removed == [tmp_path / "gone"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["kept", "log", "running", "spoilt", "used"]
