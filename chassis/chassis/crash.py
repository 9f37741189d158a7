"""Crash points: places where a development setting makes the process kill itself, as a power cut would.

``TONGBAN_<SERVICE>_CRASH_POINT=name[:nth]`` names one of `POINTS`, and which passing of it kills (the first when not said). `chassis.settings` refuses it outside
development. What is armed belongs to one service, also where five share a process: the tasks a service starts inherit it.
"""

import os
import signal
from contextvars import ContextVar
from dataclasses import dataclass

POINTS = frozenset(
    {
        "after-commit-before-send",
        "after-send-before-mark",
        "after-effect-before-offset",
        "relay-handover",
        "in-sealing",
        "in-migration",
        "in-timer",
        "in-job",
    }
)
"""Every place; each stands on one line of the code, ``in-migration`` on two: before the first of them, and when each has done its work."""


@dataclass(slots=True, kw_only=True)
class _Armed:
    name: str
    left: int


_ARMED: ContextVar[_Armed | None] = ContextVar("armed", default=None)


class UnknownCrashPoint(ValueError):
    """The setting names no place, or no count from 1."""


def arm(setting: str) -> None:
    """Arm a crash point for this task and those it starts from now on; nothing when the setting is empty.

    Raises:
        UnknownCrashPoint: The setting is not ``name`` or ``name:nth``.
    """
    if not setting:
        _ARMED.set(None)
        return
    name, _, nth = setting.partition(":")
    if name not in POINTS or (nth and not (nth.isdecimal() and int(nth) > 0)):
        raise UnknownCrashPoint(f"crash point {setting!r}; known: {', '.join(sorted(POINTS))}")
    _ARMED.set(_Armed(name=name, left=int(nth or 1)))


def crash_point(name: str) -> None:
    """Die here, without a word to anybody, when this place is armed and its time has come."""
    armed = _ARMED.get()
    if armed is None or armed.name != name:
        return
    armed.left -= 1
    if armed.left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
