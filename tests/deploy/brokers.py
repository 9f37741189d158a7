"""The brokers of ``deploy/compose.yaml`` as processes: their settings from the file, our folders and free ports instead of their own."""

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.deploy.composition import Composition
from tongban_local.jars import install
from tongban_local.ports import LOOPBACK, free_ports
from tongban_local.processes import EngineProcess, last_lines

BROKERS = ("kafka-1", "kafka-2", "kafka-3")
LISTENERS = ("CLIENTS", "CONTROLLERS", "BROKERS")
NOT_PROPERTIES = {"KAFKA_HEAP_OPTS"}
"""Read by the image's own start; with the rest it does what its documentation says: ``KAFKA_LOG_DIRS`` becomes ``log.dirs``."""

PATIENCE = 240.0


class Brokers:
    """Three brokers that copy each other's records and ask everybody who he is."""

    def __init__(self, composition: Composition, *, folder: Path) -> None:
        self._composition = composition
        self._folder = folder
        free = free_ports(len(BROKERS) * len(LISTENERS))
        self._ports = {(broker, listener): free.pop() for broker in BROKERS for listener in LISTENERS}
        self._processes: list[EngineProcess] = []

    @property
    def places(self) -> dict[str, str]:
        """Where ``kafka-1:9092`` and the like are here."""
        numbers = dict(zip(LISTENERS, (9092, 9093, 9094), strict=True))
        return {f"{broker}:{numbers[listener]}": f"{LOOPBACK}:{port}" for (broker, listener), port in self._ports.items()}

    def start(self) -> None:
        """Format and start all three; whether they answer is for the health check of the file to say."""
        java = install()
        for broker in BROKERS:
            folder = self._folder / broker
            folder.mkdir(parents=True)
            properties = folder / "server.properties"
            settings = self._composition.services[broker]["environment"]
            lines = self._properties(broker, settings=settings, records=folder / "records")
            properties.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
            made = subprocess.run(
                java.command("kafka.tools.StorageTool", "format", "-t", settings["CLUSTER_ID"], "-c", properties),
                check=False,
                capture_output=True,
                text=True,
            )
            assert made.returncode == 0, made.stdout + made.stderr
            self._processes.append(
                EngineProcess.start(java.command("kafka.Kafka", properties), folder=folder.resolve(), log=folder / "log")
            )

    def stop(self) -> None:
        """End them; their data is not needed again."""
        for process in self._processes:
            process.end(signal.SIGKILL, seconds=10)
        shutil.rmtree(self._folder, ignore_errors=True)

    def log(self, broker: str) -> str:
        """The end of a broker's log."""
        return last_lines(self._folder / broker / "log")

    def _properties(self, broker: str, *, settings: Mapping[str, str], records: Path) -> dict[str, str]:
        found = {name_of(key): str(value) for key, value in settings.items() if key.startswith("KAFKA_") and key not in NOT_PROPERTIES}
        own = ",".join(f"{listener}://{LOOPBACK}:{self._ports[broker, listener]}" for listener in LISTENERS)
        secrets = self._composition.secret("kafka-users").parent
        here = {name: self._here(value).replace("/run/secrets", str(secrets)) for name, value in found.items()}
        return here | {"listeners": own, "log.dirs": str(records)}

    def _here(self, value: str) -> str:
        return re.sub(r"kafka-\d:\d+", lambda place: self.places[place[0]], value)


def name_of(variable: str) -> str:
    """The property that the image makes of a variable: ``KAFKA_A_B__C___D`` is ``a.b_c-d``."""
    name = variable.removeprefix("KAFKA_").lower()
    return name.replace("___", "-").replace("__", "\0").replace("_", ".").replace("\0", "_")


def wait_for(what: str, *, holds: Callable[[], bool], seconds: float = PATIENCE, why: Callable[[], str] = str) -> None:
    """Ask until it holds; fail saying what never came, and why."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"never came: {what}\n{why()}"
        time.sleep(0.2)
