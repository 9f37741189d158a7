"""``tongban …``: one door to every command; each lives in a file of its own that registers itself here."""

import argparse
import sys
from collections.abc import Sequence

from tongban_operations import events, keys, migration, parked, provision, restore, topics, trace
from tongban_operations.checker import command as checker
from tongban_operations.terminal import Unable, say

COMMANDS = (provision, topics, migration, parked, events, restore, keys, checker, trace)
"""Modules with a ``register(commands)``, in the order in which ``--help`` lists them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for; the exit code: 0 done, 1 something is left for a person, 2 asked wrongly or out of reach."""
    parser = argparse.ArgumentParser(prog="tongban", description="运行维护 / operate a Tongban system")
    commands = parser.add_subparsers(required=True, metavar="command")
    for each in COMMANDS:
        each.register(commands)
    chosen = parser.parse_args(arguments)
    try:
        code: int = chosen.run(chosen)
    except Unable as error:
        say(str(error))
        return 2
    return code


if __name__ == "__main__":
    sys.exit(main())
