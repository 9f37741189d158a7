"""A private PostgreSQL on loopback: started, adopted after a crash of its starter, stopped.

Everything lies in the folder the caller names, with one exception: an account without rights cannot enter root's folders, so for root
the cluster lies under ``/var/lib/tongban`` and the named folder says where. Connections are TCP on 127.0.0.1 with a password made at
the start of the data; there is no Unix socket, whose path may be at most 107 bytes long and would limit where DATA may lie.
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from tongban_local.binaries import SHARED_PLACE, Binaries, find_binaries, same_major
from tongban_local.leftovers import claim
from tongban_local.ports import LOOPBACK, free_port
from tongban_local.processes import (
    NOBODY,
    EngineFailed,
    EngineProcess,
    Progress,
    is_root,
    last_lines,
    quiet,
    wait_until,
    working_in,
    works_in,
)

USER = "tongban"

ALWAYS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    # Each checkpoint is followed by whole pages in the log; what a killed server has to read again stays below what it reads in a minute.
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
    # Compiling a plan costs more than any of our statements, and not every build has it.
    "jit": "off",
}
VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests only: a crash of the machine may lose or spoil the data, a killed server loses what it committed in its last moment."""

BUILTIN_LOCALE_SINCE = 17
"""From this version on C.UTF-8 (sorting by code point) is part of PostgreSQL; before, the machine must have that locale."""

RECORD = "postgres.json"
"""The file in DATA that says where the cluster is and who made it."""

ATTEMPTS = 3
"""Starts on a free port: another program may take the port between our look and the server's."""

PATIENCE = 30.0
"""Seconds to wait for a start, a stop, or the last backend of a killed server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What DATA remembers of its PostgreSQL, in ``postgres.json`` (0600: it holds the password)."""

    place: str
    """The folder that holds the cluster."""
    source: str
    """``wheel``, ``system`` or the folder whose programs made the data."""
    version: str
    """Major version of the data."""
    password: str


class PostgresServer:
    """A running private PostgreSQL server."""

    def __init__(self, *, data: Path, process: EngineProcess, binaries: Binaries, record: Record, port: int, adopted: bool) -> None:
        self.data = data
        """The folder that was named; ``start`` on it finds this server again."""
        self._process = process
        self._record = record
        self.binaries = binaries
        self.port = port
        self.adopted = adopted
        """True when it was found running, as after ``kill -9`` of the process that had started it."""

    @classmethod
    def start(
        cls,
        *,
        data: Path,
        binaries: "str | Path" = "wheel",
        port: int | None = None,
        durable: bool = True,
        progress: Progress = quiet,
    ) -> Self:
        """Start the server of this folder, or adopt the one that still runs there.

        Args:
            data: The folder that keeps the data; made when missing.
            binaries: ``"wheel"``, ``"system"`` or a folder with PostgreSQL's programs; only for new data, later the ones that made it.
            port: The port to listen on; a free one when None. An adopted server keeps its own.
            durable: False trades safety against a crash of the machine for speed; tests only.
            progress: Told what is going on, one line at a time.

        Raises:
            EngineFailed: It cannot be started; the text says why and what to do.
        """
        data.mkdir(parents=True, exist_ok=True)
        with _alone_in(data):
            record, programs = _recall(data, binaries=binaries)
            if record.source != str(binaries):
                progress(f"postgres: not {binaries}: this data was made by {record.source} (PostgreSQL {record.version}) and stays with it")
            cluster = Path(record.place, "cluster")
            pid, known_port = _running(cluster)
            if pid is not None and known_port is not None:
                progress(f"postgres: adopted the running server, process {pid}, port {known_port}")
                process = EngineProcess(pid=pid, folder=cluster)
                return cls(data=data, process=process, binaries=programs, record=record, port=known_port, adopted=True)
            if not cluster.exists():
                progress(f"postgres: making the data with PostgreSQL {programs.version} …")
                _make_cluster(cluster, binaries=programs, password=record.password)
            _clear_after_crash(cluster, progress=progress)
            chosen, process = _launch(cluster, binaries=programs, port=port, durable=durable)
            progress(f"postgres: PostgreSQL {programs.version} ready on port {chosen}")
            return cls(data=data, process=process, binaries=programs, record=record, port=chosen, adopted=False)

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        return self._process.pid

    def url(self, database: str = "postgres") -> str:
        """Address of one of its databases for SQLAlchemy; it carries the password, so it is never logged."""
        return f"postgresql+asyncpg://{USER}:{self._record.password}@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, name: str, *, template: str | None = None) -> None:
        """Make a database (UTF-8, sorted by code point) unless it is there.

        Args:
            name: Lower-case letters, digits and underscores, 63 at most.
            template: A database to copy, which nobody may be connected to; an empty one when None.
        """
        _require_name(name)
        if self.query(f"select 1 from pg_database where datname = '{name}'"):  # noqa: S608 - a checked name
            return
        if template is None:
            self.query(f'create database "{name}"')
            return
        _require_name(template)
        self.query(f'create database "{name}" template "{template}"')

    def drop_database(self, name: str) -> None:
        """Remove a database and whoever is connected to it; nothing happens when it is not there."""
        _require_name(name)
        self.query(f'drop database if exists "{name}" with (force)')

    def query(self, statement: str, *, database: str = "postgres") -> str:
        """Run one statement as the owner and return the rows as text, for tests and set-up only.

        Raises:
            EngineFailed: The server refused it; the text is the server's.
        """
        target = ["-h", LOOPBACK, "-p", str(self.port), "-U", USER, "-d", database]
        done = subprocess.run(
            [self.binaries.program("psql"), "-X", "-qAt", "-v", "ON_ERROR_STOP=1", *target, "-c", statement],
            env={**os.environ, "PGPASSWORD": self._record.password},
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise EngineFailed(f"PostgreSQL refused a statement: {done.stderr.strip()}")
        return done.stdout.rstrip("\n")

    def stop(self) -> None:
        """Stop it in order: open transactions are rolled back, everything committed is on disk.

        Raises:
            EngineFailed: It did not stop.
        """
        # SIGINT is PostgreSQL's fast shutdown, SIGQUIT the immediate one, which the next start recovers from.
        if not self._process.end(signal.SIGINT, seconds=PATIENCE) and not self._process.end(signal.SIGQUIT, seconds=PATIENCE):
            raise EngineFailed(f"PostgreSQL (process {self.pid}) does not stop.")

    def kill(self) -> None:
        """End the postmaster with SIGKILL, as a crash would; ``start`` on the same folder recovers."""
        self._process.end(signal.SIGKILL, seconds=PATIENCE)

    def remove(self) -> None:
        """Stop it and delete its data; for tests."""
        self.stop()
        shutil.rmtree(self._record.place)
        (self.data / RECORD).unlink()


def _require_name(name: str) -> None:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
        raise EngineFailed(f"{name!r} is no database name here: lower-case letters, digits, underscores, at most 63.")


@contextmanager
def _alone_in(data: Path) -> Iterator[None]:
    """Two starts on one folder go one after the other; the second adopts."""
    with (data / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _recall(data: Path, *, binaries: "str | Path") -> tuple[Record, Binaries]:
    """What this folder remembers and the programs that read its data; both made anew for a new folder."""
    path = data / RECORD
    if path.exists():
        record = Record(**json.loads(path.read_text()))
        if not Path(record.place).is_dir():
            raise EngineFailed(f"The data that {path} names is gone: {record.place}. Remove the file to begin anew.")
        return record, _programs_of(record)
    programs = find_binaries(binaries)
    record = Record(
        place=str(_new_place(data)),
        source=str(binaries),
        version=programs.version,
        password=secrets.token_urlsafe(24),
    )
    half = path.with_suffix(".new")
    half.touch(mode=0o600)
    half.write_text(json.dumps(asdict(record), indent=1))
    half.rename(path)
    return record, programs


def _programs_of(record: Record) -> Binaries:
    try:
        found: Binaries | None = find_binaries(record.source)
    except EngineFailed:
        found = None
    if found is None or found.version != record.version:
        found = same_major(record.version)
    if found is None:
        raise EngineFailed(
            f"This data was made by PostgreSQL {record.version} ({record.source}), which is not on this machine any more. "
            f"Install PostgreSQL {record.version}, or start with another DATA."
        )
    return found


def _new_place(data: Path) -> Path:
    if not is_root():
        place = data.resolve() / "postgres"
        place.mkdir(mode=0o700, exist_ok=True)
        return place
    # The random part keeps data apart whose folder was moved away and made anew under the old name.
    place = SHARED_PLACE / f"{hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:16]}-{secrets.token_hex(4)}"
    place.mkdir(parents=True)
    SHARED_PLACE.chmod(0o755)
    os.chown(place, NOBODY, NOBODY)
    place.chmod(0o700)
    claim(place)
    return place


def _running(cluster: Path) -> tuple[int, int] | tuple[None, None]:
    """Process id and port of the live server of this cluster, as its pid file says; (None, None) when there is none."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        pid, port = int(lines[0]), int(lines[3])
    except (OSError, ValueError, IndexError):
        return None, None
    if works_in(pid, folder=cluster) and wait_until(lambda: _ready(cluster), seconds=PATIENCE):
        return pid, port
    return None, None


def _ready(cluster: Path) -> bool:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
    except (OSError, IndexError):
        return False


def _make_cluster(cluster: Path, *, binaries: Binaries, password: str) -> None:
    """Make an empty cluster beside its final place and move it there whole, so that a crash leaves no half one."""
    half, secret = cluster.with_name("cluster.new"), cluster.with_name("password.new")
    shutil.rmtree(half, ignore_errors=True)
    secret.touch(mode=0o600)
    secret.write_text(password)
    locale = ["--locale=C.UTF-8"]
    if int(binaries.version) >= BUILTIN_LOCALE_SINCE:
        locale += ["--locale-provider=builtin", "--lc-collate=C", "--lc-ctype=C", "--lc-messages=C"]
    if is_root():
        os.chown(secret, NOBODY, NOBODY)
    try:
        made = subprocess.run(
            [binaries.program("initdb"), "-D", half, "-U", USER, "--encoding=UTF8", "--auth=scram-sha-256", f"--pwfile={secret}", *locale],
            cwd=cluster.parent,
            check=False,
            capture_output=True,
            text=True,
            user=NOBODY if is_root() else None,
            group=NOBODY if is_root() else None,
            extra_groups=[] if is_root() else None,
        )
    finally:
        secret.unlink()
    if made.returncode != 0:
        raise EngineFailed(f"initdb failed: {made.stderr.strip()}")
    half.rename(cluster)


def _clear_after_crash(cluster: Path, *, progress: Progress) -> None:
    """Remove the pid file that a killed server left, once nobody works on the data any more.

    PostgreSQL itself refuses to start while the old id is a zombie, which in a container where nobody reaps is for ever; and it
    rightly refuses while an old backend lives.
    """
    if not (cluster / "postmaster.pid").exists():
        return
    if working_in(cluster):
        progress("postgres: the last server ended without stopping; waiting for its processes …")
        if not wait_until(lambda: not working_in(cluster), seconds=PATIENCE):
            left = ", ".join(map(str, working_in(cluster)))
            raise EngineFailed(f"Processes of a killed PostgreSQL still work on {cluster}: {left}. End them and try again.")
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def _launch(cluster: Path, *, binaries: Binaries, port: int | None, durable: bool) -> tuple[int, EngineProcess]:
    log = cluster.with_name("log")
    settings = ALWAYS if durable else ALWAYS | VOLATILE
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    for _ in range(1 if port else ATTEMPTS):
        chosen = port or free_port()
        program = binaries.program("postgres")
        process = EngineProcess.start([program, "-D", cluster, "-p", str(chosen), *options], folder=cluster, log=log, nobody=is_root())
        try:
            if wait_until(lambda: _ready(cluster) or not process.alive(), seconds=PATIENCE) and process.alive():  # noqa: B023 - called here only
                return chosen, process
        except BaseException:
            # Whoever breaks off the wait has nothing to stop it with.
            process.end(signal.SIGKILL, seconds=PATIENCE)
            raise
        process.end(signal.SIGKILL, seconds=PATIENCE)
        if "could not create any TCP/IP sockets" not in last_lines(log):
            break
    raise EngineFailed(f"PostgreSQL did not start. The end of {log}:\n{last_lines(log)}")
