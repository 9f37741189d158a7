"""A private Apache Kafka on loopback: one broker or three, started, adopted after a crash of its starter, stopped.

Each broker is a combined node (broker and controller, KRaft) in a folder of its own, by which its process is found again. One broker
survives the crash of its process, not of the machine; three, with two copies in sync, survive the loss of one.
"""

import base64
import fcntl
import json
import shutil
import signal
import socket
import struct
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Self

from tongban_local.jars import RECIPE, Java, install
from tongban_local.ports import LOOPBACK, free_ports
from tongban_local.processes import EngineFailed, EngineProcess, Progress, last_lines, quiet, wait_until, working_in

PATIENCE = 120.0
"""Seconds until a broker must answer: a busy small machine needs half of that."""

ATTEMPTS = 3
"""Starts on free ports: another program may take one between our look and the broker's."""

STOPPING = 15.0
"""Seconds for an orderly stop; nodes that lost their majority would wait minutes for each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One broker: its number from 1, its folder and its two ports."""

    number: int
    folder: Path
    port: int
    controller_port: int

    def processes(self) -> list[EngineProcess]:
        """The live process of this broker; none, or one."""
        return [EngineProcess(pid=pid, folder=self.folder) for pid in working_in(self.folder)]


class KafkaServer:
    """A running private Kafka."""

    def __init__(
        self, *, data: Path, java: Java, nodes: list[Node], adopted: bool, progress: Progress, advertised: int | None = None
    ) -> None:
        self._advertised = advertised
        self.data = data
        """The folder that keeps everything; ``start`` on it finds this Kafka again."""
        self._java = java
        self._nodes = nodes
        self._progress = progress
        self.adopted = adopted
        """True when every broker was found running, as after ``kill -9`` of the process that had started them."""

    @classmethod
    def start(
        cls, *, data: Path, brokers: int = 1, port: int | None = None, advertised: int | None = None, progress: Progress = quiet
    ) -> Self:
        """Start the Kafka of this folder, or adopt the one that still runs there; returns when it answers.

        Args:
            data: The folder that keeps the data; made when missing.
            brokers: How many, for new data only; later as many as it was made with.
            port: The first broker's port; a free one when None. An adopted Kafka keeps its own.
            advertised: The port that clients of a single broker are sent to, where something stands between; its own when None.
            progress: Told what is going on, one line at a time.

        Raises:
            EngineFailed: It cannot be started; the text says why and what to do.
        """
        data.mkdir(parents=True, exist_ok=True)
        data = data.resolve()
        java = install(progress=progress)
        with (data / "kafka.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            nodes = _recall(data)
            running = [process for node in nodes for process in node.processes()]
            if running:
                # The others must come back on the ports that the running ones know; a frozen one must go on.
                for process in running:
                    process.send(signal.SIGCONT)
                adopted = len(running) == len(nodes)
                server = cls(data=data, java=java, nodes=nodes, adopted=adopted, progress=progress, advertised=advertised)
                server._launch_missing()
            else:
                server = cls._start_all(
                    data=data, java=java, brokers=len(nodes) or brokers, port=port, progress=progress, advertised=advertised
                )
        progress(f"kafka: {'adopted' if server.adopted else 'ready'}, {server.brokers} broker(s) on {server.bootstrap}")
        return server

    @classmethod
    def _start_all(
        cls, *, data: Path, java: Java, brokers: int, port: int | None, progress: Progress, advertised: int | None = None
    ) -> Self:
        for attempt in range(1, ATTEMPTS + 1):
            nodes = _lay_out(data, count=brokers, port=port)
            _remember(data, nodes=nodes)
            server = cls(data=data, java=java, nodes=nodes, adopted=False, progress=progress, advertised=advertised)
            try:
                server._launch_missing()
            except EngineFailed as failed:
                server.stop()
                if port or attempt == ATTEMPTS or "already in use" not in str(failed):
                    raise
            else:
                return server
        raise AssertionError("the last attempt returns or raises")

    @property
    def bootstrap(self) -> str:
        """Addresses of all brokers, as clients want them: ``127.0.0.1:19092,…``."""
        return ",".join(f"{LOOPBACK}:{node.port}" for node in self._nodes)

    @property
    def brokers(self) -> int:
        """How many brokers it has; also the highest number that ``kill``, ``pause`` and ``resume`` take."""
        return len(self._nodes)

    def wait(self) -> None:
        """Return when every broker says that all of them are members of the cluster.

        Raises:
            EngineFailed: They are not within two minutes; the text holds the end of the log.
        """
        for node in self._nodes:
            if not self._until(lambda asked: len(members(asked.port)) == self.brokers, node=node):
                raise EngineFailed(f"Kafka broker {node.number} did not start. The end of its log:\n{last_lines(node.folder / 'log')}")

    def stop(self) -> None:
        """Stop all brokers in order, and by force those that wait for each other too long."""
        left = [process for node in self._nodes for process in node.processes()]
        for process in left:
            process.send(signal.SIGCONT)
            process.send(signal.SIGTERM)
        wait_until(lambda: not any(process.alive() for process in left), seconds=STOPPING)
        for process in left:
            process.end(signal.SIGKILL, seconds=STOPPING)

    def kill(self, broker: int = 1) -> None:
        """End one broker with SIGKILL, as a crash would."""
        for process in self._node(broker).processes():
            process.end(signal.SIGKILL, seconds=STOPPING)

    def restart(self) -> None:
        """Start every broker that does not run, on the port it had; returns when all of them answer."""
        self._launch_missing()

    def pause(self, broker: int = 1) -> None:
        """Freeze one broker: its connections stay open and nothing answers."""
        for process in self._node(broker).processes():
            process.send(signal.SIGSTOP)

    def resume(self, broker: int = 1) -> None:
        """Let a frozen broker go on."""
        for process in self._node(broker).processes():
            process.send(signal.SIGCONT)

    def remove(self) -> None:
        """Stop it and delete its data; for tests."""
        self.stop()
        shutil.rmtree(self.data)

    def _node(self, number: int) -> Node:
        return self._nodes[number - 1]

    def _launch_missing(self) -> None:
        for node in self._nodes:
            if not node.processes():
                self._launch(node)
        self.wait()

    def _launch(self, node: Node) -> None:
        properties = node.folder / "server.properties"
        node.folder.mkdir(exist_ok=True)
        copies = min(3, self.brokers)
        properties.write_text(
            Template((RECIPE / "server.properties").read_text()).substitute(
                node=node.number,
                voters=",".join(f"{other.number}@{LOOPBACK}:{other.controller_port}" for other in self._nodes),
                port=node.port,
                advertised=self._advertised or node.port,
                controller_port=node.controller_port,
                folder=node.folder,
                copies=copies,
                in_sync=max(1, copies - 1),
            )
        )
        if not (node.folder / "records" / "meta.properties").exists():
            self._progress(f"kafka: making the data of broker {node.number} …")
            cluster = json.loads((self.data / "kafka.json").read_text())["cluster"]
            command = self._java.command("kafka.tools.StorageTool", "format", "-t", cluster, "-c", properties, "--ignore-formatted")
            made = subprocess.run(command, check=False, capture_output=True, text=True)
            if made.returncode != 0:
                raise EngineFailed(f"Kafka could not make its data: {(made.stderr or made.stdout).strip()}")
        EngineProcess.start(self._java.command("kafka.Kafka", properties), folder=node.folder, log=node.folder / "log")

    def _until(self, answers: Callable[[Node], bool], *, node: Node) -> bool:
        """Wait for the answer, but no longer than its process lives."""
        # Found once: to look through every process of the machine at each turn takes half a core from the start that is waited for.
        running = node.processes()
        wait_until(lambda: answers(node) or not any(process.alive() for process in running), seconds=PATIENCE)
        return answers(node)


def members(port: int) -> list[int]:
    """Numbers of the brokers that are members of the cluster, as the broker on this port says; empty when it does not answer.

    One metadata request (version 4, no topics) by hand: the bus of the chassis is the only place that knows a Kafka client.
    """
    body = struct.pack(">hhih", 3, 4, 1, -1) + struct.pack(">i?", 0, False)
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as connection, connection.makefile("rb") as answer:
            connection.sendall(struct.pack(">i", len(body)) + body)
            # Size, correlation id, throttle time, number of brokers.
            _, _, _, count = struct.unpack(">iiii", answer.read(16))
            numbers = []
            for _ in range(count):
                number, length = struct.unpack(">ih", answer.read(6))
                answer.read(length + 4)
                (rack,) = struct.unpack(">h", answer.read(2))
                answer.read(max(rack, 0))
                numbers.append(number)
            return numbers
    except (OSError, struct.error):
        return []


def _lay_out(data: Path, *, count: int, port: int | None) -> list[Node]:
    free = free_ports(2 * count)
    ports = list(zip([port or free[0], *free[1:count]], free[count:], strict=True))
    return _nodes(data, ports=ports)


def _nodes(data: Path, *, ports: list[tuple[int, int]]) -> list[Node]:
    return [
        Node(number=number, folder=data / f"broker-{number}", port=port, controller_port=controller_port)
        for number, (port, controller_port) in enumerate(ports, start=1)
    ]


def _recall(data: Path) -> list[Node]:
    path = data / "kafka.json"
    if not path.exists():
        return []
    return _nodes(data, ports=json.loads(path.read_text())["ports"])


def _remember(data: Path, *, nodes: list[Node]) -> None:
    path = data / "kafka.json"
    cluster = json.loads(path.read_text())["cluster"] if path.exists() else _new_cluster_id()
    half = path.with_suffix(".new")
    half.write_text(json.dumps({"cluster": cluster, "ports": [[node.port, node.controller_port] for node in nodes]}))
    half.rename(path)


def _new_cluster_id() -> str:
    """22 characters as Kafka makes them, never with a leading dash, which its tools would read as an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[:22]
        if not text.startswith("-"):
            return text
