"""Make the environments that the Makefile names: the installer in ``.uv``, runtime or development packages in ``.venv``.

Standard library only: it runs under the machine's own Python before anything is installed. uv does the work when it can be had
(seconds), pip otherwise (half a minute); both install hashed locks only. Byte code is compiled at install: machines that set
``PYTHONDONTWRITEBYTECODE`` would pay about two seconds at every start of every process, a tenth of it for our own packages.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
UV = ROOT / ".uv" / "bin" / "uv"
LOCKS = {"runtime": "requirements.lock", "dev": "requirements-dev.lock"}


def say(text: str) -> None:
    """Print one progress line at once."""
    print(text, flush=True)  # noqa: T201 - this program talks to a terminal


def call(*command: str | Path) -> bool:
    """Run a command in the project's folder; true when it ended well."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run([str(part) for part in command], cwd=ROOT, env=environment, check=False).returncode == 0  # noqa: S603


def require_python() -> None:
    """Stop with words a person can act on when this Python cannot make the environment."""
    if sys.version_info < (3, 11):  # noqa: UP036 - any Python may run this file
        sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: make PYTHON=/path/to/python3.11 …")
    if not call(sys.executable, "-c", "import venv, pip"):
        sys.exit(
            f"{sys.executable} has no pip or no venv module. On Debian and Ubuntu: "
            "apt-get install python3-pip python3-venv; elsewhere: the Python of python.org brings both."
        )


def have_installer() -> bool:
    """Bring uv into ``.uv``; false when it cannot be had on this machine, which is no error."""
    if UV.exists() and UV.stat().st_mtime > (ROOT / "requirements-uv.lock").stat().st_mtime:
        return True
    say("uv: installing the installer into .uv …")
    target = (sys.executable, "-m", "pip", "install", "--quiet", "--no-warn-script-location", "--disable-pip-version-check")
    if call(*target, "--root-user-action=ignore", "--upgrade", "--require-hashes", "--target", ".uv", "-r", "requirements-uv.lock"):
        UV.touch()
        return UV.exists()
    say("uv cannot be had here; pip does the same, slower.")
    return False


def install(lock: str, *, packages: list[str]) -> bool:
    """Install the hashed lock, then our own packages beside it (editable, nothing resolved, nothing downloaded)."""
    own = [part for package in packages for part in ("-e", package)]
    if have_installer():
        # The machine's certificates: a network that inspects traffic has its own authority there.
        uv = (UV, "--system-certs", "pip", "install", "--quiet", "--python", VENV_PYTHON, "--compile-bytecode")
        if call(*uv, "--require-hashes", "-r", lock) and call(*uv, "--no-build-isolation", "--no-deps", *own):
            return True
        # uv does not read pip's configuration: where that names a mirror, only pip reaches it.
        say("uv could not install; pip tries, slower …")
    pip = (sys.executable, "-m", "pip", "--python", VENV_PYTHON, "install", "--quiet", "--disable-pip-version-check")
    return call(*pip, "--require-hashes", "-r", lock) and call(*pip, "--no-build-isolation", "--no-deps", *own)


def make_environment(kind: str, *, packages: list[str]) -> None:
    """Make ``.venv`` if it is missing, fill it, and leave the stamp that tells make it is done."""
    began = time.monotonic()
    if not VENV_PYTHON.exists():
        say("venv: making .venv …")
        if not call(sys.executable, "-m", "venv", "--without-pip", "--clear", ".venv"):
            sys.exit("The environment .venv could not be made; the message above says why.")
    say(f"venv: installing {LOCKS[kind]} (hashed) and {len(packages)} own packages …")
    if not install(LOCKS[kind], packages=packages):
        sys.exit("Packages could not be installed; the message above says why. Nothing else was touched; run the command again.")
    # Installed editable, ours lie outside of what the installer compiled. Where it cannot be written they are compiled at every start.
    call(VENV_PYTHON, "-m", "compileall", "-q", *packages)
    # The development lock holds the runtime lock whole, so it serves both commands.
    for stamp in ("runtime", "dev") if kind == "dev" else ("runtime",):
        (VENV / f"{stamp}.stamp").touch()
    say(f"venv: ready in {time.monotonic() - began:.0f} s")


def main(arguments: list[str]) -> None:
    """Do what the Makefile asks: ``installer``, or ``runtime|dev`` followed by the folders of our packages."""
    require_python()
    if arguments == ["installer"]:
        if not have_installer():
            sys.exit("uv is needed to lock and could not be installed.")
        return
    make_environment(arguments[0], packages=arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
