"""How commands talk: results on standard output, as a table or as JSON, everything else on standard error."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse has no public name for it
"""Where a command registers itself."""

Row = Mapping[str, object]
"""One line of a table: column and what stands there."""


class Unable(Exception):
    """The command cannot be done; the text says why in Chinese and English and is shown as it is."""


def say(text: str) -> None:
    """A line for the person who waits: progress, or what went wrong."""
    print(text, file=sys.stderr, flush=True)


def show(rows: Sequence[Row], *, as_json: bool, nothing: str) -> None:
    """Print rows: one JSON document, or a table with a heading; ``nothing`` is said when there are none."""
    if as_json:
        print(json.dumps([dict(row) for row in rows], ensure_ascii=False, indent=1, default=str))
        return
    if not rows:
        print(nothing)
        return
    names = list(rows[0])
    lines = [names, *([_text(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def conclude(answer: Row, *, as_json: bool, sentence: str) -> None:
    """Print what a command did: its facts as JSON, or one sentence."""
    print(json.dumps(dict(answer), ensure_ascii=False, default=str) if as_json else sentence)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
