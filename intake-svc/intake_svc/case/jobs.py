"""Where the open cases stand, for whoever watches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from chassis.figures import MOST, Figure, Look, Reading
from intake_svc.case import store
from intake_svc.context import Intake
from intake_svc.progress.domain import Stage

AGES = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
"""Upper bounds of the ages that are told apart; what is older is ``older``."""

_OPEN = Figure(
    name="cases_open",
    text=f"Open cases by stage and time since receipt; exact up to {MOST} cases in the table, estimated from a random part beyond",
    labels=("stage", "age"),
)


def looks(context: Intake) -> tuple[Look, ...]:
    """Open cases by stage and age: one statement that reads some thousand rows, about 10 ms."""

    async def read() -> Mapping[str, Reading]:
        counted: dict[tuple[str, ...], float] = {(stage.value, age): 0.0 for stage in Stage for age in (*AGES, "older")}
        async with context.database.read(context) as tx:
            for stage, age, stands_for in await store.sample_open(tx, rows=MOST):
                counted[stage.value, _age(age)] += stands_for
        return {_OPEN.name: counted}

    return (Look(name="cases", figures=(_OPEN,), read=read),)


def _age(age: timedelta) -> str:
    return next((name for name, bound in AGES.items() if age <= bound), "older")
