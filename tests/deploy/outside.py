"""``deploy/compose.yaml`` run without a container engine.

Each command has exactly the environment of the image and the file, each job ends before what waits for it starts, each health check is asked as
written. Addresses, ports and places of secrets are ours; nothing else is.
"""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.deploy.brokers import BROKERS, Brokers, wait_for
from tests.deploy.composition import Composition
from tests.deploy.recipe import Image
from tongban_local.ports import LOOPBACK, free_ports
from tongban_local.postgres import USER, PostgresServer

SERVING = ("catalog", "intake", "routing", "credential", "gateway")
CONTAINER_PORT = "8080"

STARTING = 300.0


@dataclass(slots=True, kw_only=True)
class Outside:
    """The system of the file, on this machine."""

    image: Image
    composition: Composition
    brokers: Brokers
    postgres: PostgresServer
    folder: Path
    more: Mapping[str, str]
    """Settings that replace the file's: without an identity provider somebody must let people in."""
    ports: dict[str, int] = field(default_factory=lambda: dict(zip(SERVING, free_ports(len(SERVING)), strict=True)))
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The gateway's address."""
        return f"http://{LOOPBACK}:{self.ports['gateway']}"

    def environment(self, name: str, *, port: int | None = None) -> dict[str, str]:
        """What a container of this name has: the image's variables, then the file's; of ours nothing."""
        own = {key: self.here(str(value)) for key, value in self.composition.services[name].get("environment", {}).items()}
        if name in SERVING:
            own[f"TONGBAN_{name.upper()}_PORT"] = str(port or self.ports[name])
            own |= {key: value for key, value in self.more.items() if key.startswith(f"TONGBAN_{name.upper()}_")}
        return {**self.image.environment, **own}

    def command(self, name: str) -> list[str]:
        """The entry of the image with the arguments of the file."""
        return [*self.image.entrypoint, *(self.here(str(each)) for each in self.composition.services[name]["command"])]

    def here(self, text: str) -> str:
        """A text of the file with our addresses and places."""
        text = re.sub(r"kafka-\d:9092", lambda place: self.brokers.places[place[0]], text)
        text = re.sub(r"http://(\w+):8080", lambda found: f"http://{LOOPBACK}:{self.ports[found[1]]}", text)
        text = re.sub(r"/run/secrets/([\w-]+)", lambda found: str(self.composition.secret(found[1])), text)
        return text.replace("@postgres:5432", f"@{LOOPBACK}:{self.postgres.port}").replace("0.0.0.0", LOOPBACK)  # noqa: S104 - replaced, not bound

    def make_databases(self) -> None:
        """What the server's first start does with the script that is mounted there."""
        [script] = [each.split(":")[0] for each in self.composition.services["postgres"]["volumes"] if each.endswith(".sql:ro")]
        text = self.here((self.composition.file.parent / script).read_text(encoding="utf-8"))
        (self.folder / "databases.sql").write_text(text, encoding="utf-8")
        target = ["-h", LOOPBACK, "-p", str(self.postgres.port), "-U", USER, "-d", "postgres"]
        password = self.postgres.url().split(":")[2].split("@")[0]
        done = subprocess.run(
            [self.postgres.binaries.program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", *target, "-f", self.folder / "databases.sql"],
            env={**os.environ, "PGPASSWORD": password},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    def run(self, name: str, *instead: str) -> "subprocess.CompletedProcess[str]":
        """Run what ends by itself, with other words where some are given."""
        return subprocess.run(
            [*self.image.entrypoint, *instead] if instead else self.command(name),
            cwd=self.image.home,
            env=self.environment(name),
            check=False,
            capture_output=True,
            text=True,
            timeout=STARTING,
        )

    def run_job(self, name: str) -> None:
        """Run what must end well before others start."""
        done = self.run(name)
        assert done.returncode == 0, f"{name}: {done.stdout}\n{done.stderr}"

    def start(
        self, name: str, *, replica: str = "", port: int | None = None, more: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a service, or one more of it beside the first, with settings of its own."""
        with (self.folder / f"{name}{replica}.log").open("ab") as sink:
            process = subprocess.Popen(
                self.command(name),
                cwd=self.image.home,
                env={**self.environment(name, port=port), **(more or {})},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes[name + replica] = process
        return process

    def healthy(self, name: str, *, port: int | None = None) -> bool:
        """Ask as the engine would: the file's health check, or else the image's."""
        check: Mapping[str, Any] | None = self.composition.services[name].get("healthcheck")
        command = [str(each) for each in check["test"][1:]] if check else list(self.image.healthcheck)
        environment = {**self.image.environment, "PGPORT": str(self.postgres.port)}
        if name in BROKERS:
            broker = self.brokers.places[f"{name}:9092"].rpartition(":")[2]
            command = [each.replace("/9092", f"/{broker}") for each in command]
        elif name == "postgres":
            command[0] = str(self.postgres.binaries.program(command[0]))
        else:
            command = [each.replace(CONTAINER_PORT, str(port or self.ports[name])) for each in command]
        return subprocess.run(command, env=environment, check=False, capture_output=True, timeout=30).returncode == 0

    def up(self) -> None:
        """Start everything in the order of the file, each as soon as what it names is there, as the engine does."""
        waited: set[str] = set()

        def wait(name: str) -> None:
            if name not in waited:
                # Asked once somebody listens: a check that runs a program five times a second is felt by the start it waits for.
                if name in SERVING:
                    wait_for(f"{name} listens", holds=partial(_listens, self.ports[name]), seconds=STARTING, why=partial(self.log, name))
                wait_for(f"{name} healthy", holds=partial(self.healthy, name), seconds=STARTING, why=partial(self.log, name))
                waited.add(name)

        for name in self.composition.order():
            for needed, how in self.composition.services[name].get("depends_on", {}).items():
                if how["condition"] == "service_healthy":
                    wait(needed)
            if name in self.composition.jobs:
                self.run_job(name)
            elif name in SERVING:
                self.start(name)
        for name in SERVING:
            wait(name)

    def log(self, name: str) -> str:
        """The end of what it said."""
        if name in BROKERS:
            return self.brokers.log(name)
        file = self.folder / f"{name}.log"
        return "\n".join(file.read_text(errors="replace").splitlines()[-30:]) if file.exists() else ""

    def stop(self) -> dict[str, int]:
        """Tell every service to stop as the engine would; the statuses they ended with."""
        number = signal.Signals[self.image.stop_signal]
        gone = {}
        for names in (("gateway",), SERVING[:-1]):
            running = {key: each for key, each in self.processes.items() if key.startswith(names) and each.poll() is None}
            for process in running.values():
                process.send_signal(number)
            for key, process in running.items():
                gone[key] = process.wait(timeout=seconds(self.composition.services[names[0]]["stop_grace_period"]))
        return gone

    def kill(self) -> None:
        """End what still runs."""
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()


def seconds(text: str) -> float:
    """A length of time as the file writes it, such as ``30s``."""
    assert text.endswith("s"), text
    return float(text[:-1])


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex((LOOPBACK, port)) == 0
