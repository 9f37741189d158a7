"""What a line of the log is given is written: a key that the chassis does not know is dropped without a word."""

import ast

from chassis.logs import KNOWN
from tests.house.layout import sources

LEVELS = {"debug", "info", "warning", "error"}
LOGGERS = {"_log", "_logger"}
"""What every module of ours calls the logger it has from `chassis.logs.get_logger`."""


def test_every_line_of_the_log_uses_known_keys_alone() -> None:
    found = {
        f"{source.name}:{node.lineno}": {str(each.arg) for each in node.keywords} - {"exc_info"}
        for source in sources()
        for node in ast.walk(source.tree())
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in LOGGERS
    }

    assert len(found) > 30, "the loggers are called something else by now"
    assert {place: keys - KNOWN for place, keys in found.items() if keys - KNOWN} == {}
