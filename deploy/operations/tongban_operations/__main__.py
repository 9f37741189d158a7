"""``tongban …``: one door to every command; each lives in a file of its own that registers itself here."""

import argparse
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module

from tongban_operations.terminal import Unable, say

COMMANDS: Mapping[str, str] = {
    "provision": "provision",
    "topics": "topics",
    "migrate": "migration",
    "parked": "parked",
    "events": "events",
    "restore": "restore",
    "keys": "keys",
    "check": "checker.command",
    "trace": "trace",
    "import": "imports",
}
"""The module of each command, which has a ``register(commands)``; in the order in which ``--help`` lists them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for.

    Returns:
        The exit code: 0 done, 1 something is left for a person, 2 asked wrongly or out of reach, 3 the command itself fell over.
    """
    words = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="tongban", description="运行维护 / operate a Tongban system")
    commands = parser.add_subparsers(required=True, metavar="command")
    # Only what is asked for is brought in: the database's, the log's and the web's libraries together take a second.
    for name in words[:1] if {*words[:1]} & COMMANDS.keys() else COMMANDS:
        import_module(f"tongban_operations.{COMMANDS[name]}").register(commands)
    chosen = parser.parse_args(words)
    try:
        code: int = chosen.run(chosen)
    except Unable as error:
        say(str(error))
        return 2
    except Exception:  # noqa: BLE001 - Python's own exit code for it is 1, which would say that all was looked at and something found
        traceback.print_exc()
        return 3
    return code


if __name__ == "__main__":
    sys.exit(main())
