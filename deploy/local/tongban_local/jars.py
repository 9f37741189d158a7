"""The jars of Apache Kafka and the Java that runs them.

``deploy/local/kafka/pom.xml`` names the jars, ``jars.sha256`` holds their digests. They are fetched once by Maven into ``.engines/`` and
used from there; a change of either file fetches anew.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tongban_local.processes import EngineFailed, Progress, is_root, quiet

RECIPE = Path(__file__).resolve().parents[1] / "kafka"
ENGINES = Path(__file__).resolve().parents[3] / ".engines"

OLDEST_JAVA = 17
"""Kafka 4 needs this version or a newer one."""

INSTALL = "apt-get install --no-install-recommends default-jre-headless maven"


@dataclass(frozen=True, slots=True)
class Java:
    """A Java program and Kafka's jars: what starts a broker."""

    program: str
    jars: Path

    def command(self, main: str, *arguments: str | Path) -> list[str | Path]:
        """The command that runs one of Kafka's programs with little memory and a quick start."""
        options = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError"]
        settings = f"-Dlog4j2.configurationFile={RECIPE / 'log4j2.properties'}"
        return [self.program, *options, settings, "-cp", f"{self.jars}/*", main, *arguments]


def install(*, progress: Progress = quiet) -> Java:
    """Java and Kafka's jars, fetched when they are not there yet.

    As root on Debian or Ubuntu a missing Java or Maven is installed; elsewhere the error says what to install.

    Raises:
        EngineFailed: Something is missing and cannot be installed here, or a jar is not the one we know.
    """
    ENGINES.mkdir(exist_ok=True)
    recipe = (RECIPE / "pom.xml").read_bytes() + (RECIPE / "jars.sha256").read_bytes()
    jars = ENGINES / f"kafka-{hashlib.sha256(recipe).hexdigest()[:16]}"
    with (ENGINES / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _java() is None or not (jars.exists() or shutil.which("mvn")):
            _install_tools(progress=progress)
        program = _java()
        if program is None:
            raise EngineFailed(f"No Java {OLDEST_JAVA} or newer on this machine. On Debian and Ubuntu: {INSTALL}")
        if not jars.exists():
            _fetch(jars, progress=progress)
    return Java(program=program, jars=jars)


def _java() -> str | None:
    """The Java of ``JAVA_HOME`` or of the path, when it is new enough."""
    home = os.environ.get("JAVA_HOME")
    for program in (f"{home}/bin/java" if home else None, "java"):
        found = shutil.which(program) if program else None
        if found is None:
            continue
        said = subprocess.run([found, "-version"], check=False, capture_output=True, text=True).stderr
        version = re.search(r'version "(\d+)', said)
        if version and int(version[1]) >= OLDEST_JAVA:
            return found
    return None


def _install_tools(*, progress: Progress) -> None:
    if not (is_root() and shutil.which("apt-get")):
        raise EngineFailed(f"Kafka needs Java {OLDEST_JAVA} or newer, and Maven to fetch its jars. On Debian and Ubuntu: {INSTALL}")
    progress("kafka: installing Java and Maven …")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in ("apt-get update -q", INSTALL.replace("apt-get install", "apt-get install -q -y")):
        done = subprocess.run(step.split(), env=environment, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise EngineFailed(f"`{step}` failed: {(done.stderr or done.stdout).strip()[-600:]}")


def _fetch(jars: Path, *, progress: Progress) -> None:
    """Let Maven copy the jars beside their place, compare them with the digests we know, and move them there whole."""
    half = jars.with_name(f"{jars.name}.new")
    shutil.rmtree(half, ignore_errors=True)
    log = ENGINES / "maven.log"
    goal = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy-dependencies"
    command = ["mvn", "-B", "-C", "-f", str(RECIPE / "pom.xml"), goal, "-DincludeScope=runtime", f"-DoutputDirectory={half}"]
    progress("kafka: fetching the jars of Apache Kafka, 43 MB …")
    began = time.monotonic()
    with log.open("wb") as sink, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT) as maven:
        while True:
            try:
                maven.wait(timeout=10)
                break
            except subprocess.TimeoutExpired:
                progress(f"kafka: still fetching, {time.monotonic() - began:.0f} s")
    if maven.returncode != 0:
        wrong = [line for line in log.read_text(errors="replace").splitlines() if "ERROR" in line]
        raise EngineFailed("Maven could not fetch Kafka's jars:\n" + "\n".join(wrong[:4]))
    lines = [line.split() for line in (RECIPE / "jars.sha256").read_text().splitlines()]
    known = {name: digest for digest, name in lines}
    got = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(half.iterdir())}
    if got != known:
        different = sorted(name for name in known.keys() | got.keys() if known.get(name) != got.get(name))
        raise EngineFailed(f"Jars differ from {RECIPE / 'jars.sha256'}: {', '.join(different)}. They were not used.")
    half.rename(jars)


def main() -> None:
    """Fetch what the tests will need, where a person sees the progress."""
    try:
        install(progress=print)
    except EngineFailed as failed:
        sys.exit(str(failed))


if __name__ == "__main__":
    main()
