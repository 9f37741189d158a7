"""A base form: what every item that names it asks for, beside its own fields (S-36)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from contracts.refusals import Invalid, NotFound
from contracts.values import JsonObject, RegionCode


class BaseFormUnknown(NotFound):
    """No base form has this code."""

    RULE: ClassVar[str] = "base-form.unknown"
    ZH: ClassVar[str] = "没有此基础表单"
    EN: ClassVar[str] = "There is no such base form"


class BaseFormUnsound(Invalid):
    """A base form that no item could use; all its defects are told at once."""

    RULE: ClassVar[str] = "base-form.unsound"
    ZH: ClassVar[str] = "基础表单内容不正确"
    EN: ClassVar[str] = "The base form is wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseForm:
    """One base form; organs of its region and below may build on it."""

    code: str
    name: str
    name_en: str
    region: RegionCode
    form: JsonObject
    """JSON Schema 2020-12 of an object."""
