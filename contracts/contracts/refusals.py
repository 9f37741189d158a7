"""Refusals: what a rule, an aggregate or a door says no with.

::

    Refusal
    ├── NotFound        absent, or hidden from this caller: the two look alike
    ├── Forbidden       seen but not allowed; leaves a trace
    ├── Invalid         the input breaks a rule; carries the fields
    ├── Conflict        the state of things does not allow it now
    │   └── IllegalMove
    ├── Stale           somebody changed it since it was read
    └── Unavailable     not now; try again

A subclass names one rule: ``RULE`` is its id, quoted in problem+json, in tests and in ``docs/rules.md``. ``ZH`` and ``EN``
are what people read; neither ever repeats what was sent in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from contracts.values import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One thing wrong with an application or a request."""

    rule_id: str
    pointer: str
    """JSON Pointer into what was sent."""
    message: str
    message_en: str
    basis: str = ""


def pointer_step(name: str | int) -> str:
    """A name as a step of a JSON Pointer (RFC 6901)."""
    return str(name).replace("~", "~0").replace("/", "~1")


class Refusal(Exception):
    """A named no.

    Args:
        defects: The fields that are wrong, if it is about fields.
        facts: Public facts that help to go on (successors of a region, the winner of a race); never personal data.
        retry_after: Seconds after which trying again makes sense.
    """

    RULE: ClassVar[str] = "refused"
    ZH: ClassVar[str] = "请求被拒绝"
    EN: ClassVar[str] = "The request was refused"

    def __init__(
        self,
        *,
        defects: tuple[Defect, ...] = (),
        facts: Mapping[str, Json] | None = None,
        retry_after: int | None = None,
    ) -> None:
        """Keep what the answer shows beside the rule."""
        super().__init__(self.RULE)
        self.defects = defects
        self.facts: dict[str, Json] = dict(facts or {})
        self.retry_after = retry_after
        self.considered: tuple[object, ...] = ()
        """What was looked at until then, step by step, each with a JSON form; where a rule is explained, its no is too. Public, like facts."""


class NotFound(Refusal):
    """Absent, or its existence is not this caller's to know."""

    RULE = "not-found"
    ZH = "未找到"
    EN = "Not found"


class Forbidden(Refusal):
    """The caller may see it but not do this."""

    RULE = "forbidden"
    ZH = "无权执行此操作"
    EN = "You may not do this"


class Invalid(Refusal):
    """What was sent breaks a rule."""

    RULE = "invalid"
    ZH = "提交的内容不符合要求"
    EN = "What was sent does not meet the rules"


class Conflict(Refusal):
    """The present state does not allow it."""

    RULE = "conflict"
    ZH = "当前状态不允许此操作"
    EN = "The present state does not allow this"


class IllegalMove(Conflict):
    """The move is not in the table of the aggregate's state; ``facts`` names ``from`` and ``to``."""

    RULE = "move.illegal"
    ZH = "当前状态下不能执行此步骤"
    EN = "This step is not possible in the present state"


class Stale(Refusal):
    """It was changed since the caller read it."""

    RULE = "stale"
    ZH = "数据已被他人修改,请重新读取"
    EN = "It was changed since you read it; read it again"


class Unavailable(Refusal):
    """Something needed is not there now."""

    RULE = "unavailable"
    ZH = "服务暂时不可用,请稍后再试"
    EN = "Not available now; try again shortly"
