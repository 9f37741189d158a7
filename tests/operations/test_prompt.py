"""``tongban`` at the prompt: every command is there, and none waits for the libraries of another."""

import os
import subprocess
import sys

import pytest

from tongban_operations.__main__ import COMMANDS, main


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_found_under_its_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])

    assert ended.value.code == 0
    assert f"tongban {name} " in capsys.readouterr().out


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    assert ended.value.code == 0
    first_words = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert [word for word in first_words if word in COMMANDS] == list(COMMANDS)


def test_what_is_no_command_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["repeat"])

    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert [name for name in COMMANDS if name not in said] == []


def test_a_command_that_falls_over_does_not_end_like_one_that_found_something() -> None:
    unreadable = "postgresql://nobody@127.0.0.1:1/nothing?sslmode=perhaps"
    told = {f"TONGBAN_{name}_DATABASE_URL": unreadable for name in ("INTAKE", "ROUTING", "CREDENTIAL")}
    environment = os.environ | told | {"TONGBAN_ROUTING_LOG_URL": unreadable}

    done = subprocess.run(
        [sys.executable, "-m", "tongban_operations", "check", "--json"], env=environment, check=False, capture_output=True, text=True
    )

    assert (done.returncode, done.stdout) == (3, "")
    assert "sslmode" in done.stderr.splitlines()[-1]


def test_who_looks_at_what_is_parked_waits_for_no_library_of_the_database_or_the_log() -> None:
    program = "import sys; from tongban_operations.__main__ import main\ntry: main(['parked', '--help'])\nfinally: print(*sys.modules, file=sys.stderr)"

    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert {"sqlalchemy", "aiokafka", "fastapi"} & set(done.stderr.split()) == set()
    assert "tongban_operations.parked" in done.stderr.split()
