"""What is wrong with the elements of an item: materials, steps, grounds, fees, limits, and what it declares of itself.

Told to the author at the draft, all at once; pointers into the body of ``POST /service-items``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from contracts.catalogue import ChecklistPart, FormPart, MaterialRule, ProjectType, SituationsPart, TextsPart
from contracts.elements import FourDo, Limit, Step, StepAct, Unit
from contracts.refusals import Defect, pointer_step
from contracts.values import Json, JsonObject, Mode
from rules.workdays import WINDOW_HOURS

_MINUTES_OF_A_WINDOW_DAY = sum(end.hour * 60 + end.minute - start.hour * 60 - start.minute for start, end in WINDOW_HOURS)
_MINUTES: dict[Unit, int] = {Unit.WORKDAYS: _MINUTES_OF_A_WINDOW_DAY, Unit.HOURS: 60, Unit.MINUTES: 1}
_KNOWN_OF_EVERY_APPLICANT = "applicant."

_ARTICLE_31 = "行政许可法 §31"
_NO_OTHER_CERTIFICATE = "优化营商环境条例 §45"


def is_longer(limit: Limit, *, than: Limit) -> bool:
    """Whether a limit may last longer than another; a day against hours counts as its window hours."""
    if limit.unit is than.unit:
        return limit.amount > than.amount
    return window_minutes(limit) > window_minutes(than)


def element_defects(
    *,
    form: FormPart,
    situations: SituationsPart,
    checklist: ChecklistPart,
    texts: TextsPart,
    statutory: Limit,
    certificates: Collection[str],
) -> tuple[Defect, ...]:
    """Everything wrong with the elements in the four parts of a draft.

    Args:
        form: As drafted.
        situations: As drafted.
        checklist: As drafted.
        texts: As drafted.
        statutory: The item's statutory limit.
        certificates: Ids of the rows that stand on the certificate list today.
    """
    return (
        *_asked_twice(form.schema),
        *_situation_limits(situations, statutory),
        *_materials(checklist.materials, certificates),
        *_deferrals(checklist.materials),
        *_law(texts),
        *_chain(texts.chain, statutory),
        *_stops(texts),
        *_fees(texts),
    )


def declaration_defects(
    *,
    four_do: Collection[FourDo],
    modes: Collection[Mode],
    project_type: ProjectType,
    promised: Limit,
    statutory: Limit,
    visits: int | None,
) -> tuple[Defect, ...]:
    """What an item declares of itself and cannot be true at once."""
    return (*_limits_declared(four_do, project_type, promised, statutory), *_visits_declared(four_do, modes, visits))


def _limits_declared(four_do: Collection[FourDo], project_type: ProjectType, promised: Limit, statutory: Limit) -> Iterator[Defect]:
    if is_longer(promised, than=statutory):
        yield _defect(
            "item.promise-too-long",
            "/version/promised_limit",
            "承诺时限不应长于法定时限",
            "The promise is longer than the law allows",
            "行政许可法 §42",
        )
    same_day = Limit(amount=1, unit=Unit.WORKDAYS)
    if project_type is ProjectType.INSTANT and (is_longer(promised, than=same_day) or promised == same_day):
        yield _defect(
            "item.instant-late",
            "/version/promised_limit",
            "即办件应当当日办结",
            "An item that is decided at once is decided on the same day",
        )
    if FourDo.AT_ONCE in four_do and project_type is not ProjectType.INSTANT:
        yield _defect("item.at-once", "/version/four_do", "“马上办”事项应为即办件", "What is done at once is decided at once")


def _visits_declared(four_do: Collection[FourDo], modes: Collection[Mode], visits: int | None) -> Iterator[Defect]:
    place = "/texts/visits"
    if FourDo.ONE_VISIT in four_do and visits is not None and visits > 1:
        text, text_en = "“一次办”事项到现场次数不应超过一次", "One visit at most was declared, and more are asked for"
        yield _defect("item.one-visit", place, text, text_en)
    if visits and set(modes) == {Mode.FULLY_ONLINE}:
        text, text_en = "只能全程网办的事项没有现场可到,到现场次数应为零", "It is handled online alone, and visits are asked for"
        yield _defect("item.online-visits", place, text, text_en, "国办发〔2020〕35号")


def _asked_twice(schema: JsonObject) -> Iterator[Defect]:
    asked: dict[str, str] = {}
    for pointer, fact in _named_facts(schema, "/form"):
        if fact.startswith(_KNOWN_OF_EVERY_APPLICANT):
            yield _defect(
                "form.fact-known",
                pointer,
                "申请人的基本信息已经登记,表单不得再次填写",
                "The applicant gives this already; a form does not ask for it again",
                "国务院令第716号",
            )
        elif fact in asked:
            yield _defect(
                "form.fact-twice",
                pointer,
                f"与“{asked[fact]}”重复填写同一内容",
                f"Asks for the same as {asked[fact]}",
                "国务院令第716号",
            )
        asked.setdefault(fact, pointer)


def _named_facts(schema: JsonObject, pointer: str) -> Iterator[tuple[str, str]]:
    open_: list[tuple[Json, str]] = [(schema, pointer)]
    while open_:
        node, place = open_.pop()
        if isinstance(node, dict):
            fact = node.get("x-fact")
            if isinstance(fact, str):
                yield place, fact
            open_ += [(inner, f"{place}/{pointer_step(name)}") for name, inner in reversed(node.items())]
        elif isinstance(node, list):
            open_ += [(inner, f"{place}/{index}") for index, inner in reversed(list(enumerate(node)))]


def _situation_limits(part: SituationsPart, statutory: Limit) -> Iterator[Defect]:
    for index, one in enumerate(part.situations):
        if one.promised_limit is not None and is_longer(one.promised_limit, than=statutory):
            yield _defect(
                "situation.limit-too-long",
                f"/situations/situations/{index}/promised_limit",
                "该情形的承诺时限长于法定时限",
                "This situation's promise is longer than the law allows",
                "行政许可法 §42",
            )


def _materials(materials: Sequence[MaterialRule], certificates: Collection[str]) -> Iterator[Defect]:
    for index, one in enumerate(materials):
        place = f"/checklist/materials/{index}"
        if not one.basis.strip():
            yield _defect(
                "material.basis-missing", f"{place}/basis", "材料没有法定依据,不得索要", "Nothing is asked for without a law", _ARTICLE_31
            )
        yield from _certificate(one, place, certificates)
        if one.source == "intermediary" and not one.intermediary.strip():
            yield _defect(
                "material.report-unnamed",
                f"{place}/intermediary",
                "来源为中介机构的材料应当写明中介服务事项",
                "What comes from an intermediary names its service",
                "优化营商环境条例 §43",
            )
        if one.intermediary and one.source != "intermediary":
            yield _defect(
                "material.intermediary-source",
                f"{place}/source",
                "中介服务报告的来源应为中介机构",
                "The report of an intermediary comes from an intermediary",
            )
        if (one.intermediary or one.source == "intermediary") and not one.valid_days:
            yield _defect(
                "material.report-open-ended",
                f"{place}/valid_days",
                "中介服务报告应当有有效期",
                "The report of an intermediary says how long it is good",
                "优化营商环境条例 §43",
            )


def _deferrals(materials: Sequence[MaterialRule]) -> Iterator[Defect]:
    for index, one in enumerate(materials):
        if one.deferral is None:
            continue
        place = f"/checklist/materials/{index}/deferral"
        if not one.required:
            yield _defect("material.deferral-optional", place, "非必要材料无需容缺", "What is not required needs no deferral")
        if not one.deferral.amount:
            yield _defect("material.deferral-none", f"{place}/amount", "容缺补交时限应当大于零", "A deferral lasts some time")
        if not one.deferral.basis.strip():
            yield _defect(
                "material.deferral-basis", f"{place}/basis", "容缺受理应当有依据", "A deferral names what allows it", "国发〔2014〕47号"
            )


def _law(texts: TextsPart) -> Iterator[Defect]:
    # The steps in words carry no law of their own: they rest on the item's.
    blank = [f"/{index}" for index, law in enumerate(texts.legal_basis) if not law.strip()]
    for place in blank if texts.legal_basis else [""]:
        yield _defect(
            "item.basis-missing",
            f"/texts/legal_basis{place}",
            "缺少设定依据,没有设定依据的事项不得实施",
            "Without a legal basis no item, and none of its steps, can be published",
            "行政许可法 §4",
        )
    for index, (_, _, law) in enumerate(texts.denial_grounds):
        if not law.strip():
            yield _defect(
                "ground.basis-missing",
                f"/texts/denial_grounds/{index}/2",
                "不予许可的情形应当有法定依据",
                "Nothing is denied without a law",
                "行政许可法 §38",
            )


def _certificate(one: MaterialRule, place: str, certificates: Collection[str]) -> Iterator[Defect]:
    if (one.nature == "certificate") != bool(one.certificate):
        yield _defect(
            "material.certificate-unnamed",
            f"{place}/certificate",
            "证明材料应当并且只有证明材料应当引用证明事项清单",
            "A certificate, and nothing else, names its row of the certificate list",
            _NO_OTHER_CERTIFICATE,
        )
    elif one.certificate and one.certificate not in certificates:
        yield _defect(
            "material.certificate-unlisted",
            f"{place}/certificate",
            f"证明事项清单中没有“{one.certificate}”,清单之外不得索要证明",
            f"The certificate list has no “{one.certificate}”; nothing else may be asked for",
            _NO_OTHER_CERTIFICATE,
        )


def _chain(chain: Sequence[Step], statutory: Limit) -> Iterator[Defect]:
    yield from _repeated((step.step_id for step in chain), "step.repeated", "/texts/chain", "step_id")
    for index, step in enumerate(chain):
        place = f"/texts/chain/{index}"
        if not step.basis.strip():
            yield _defect(
                "step.basis-missing",
                f"{place}/basis",
                "没有法定依据的环节不得设置",
                "A step without a legal basis cannot be published",
                "行政许可法 §4",
            )
        if step.second_officer and not step.at_window:
            yield _defect(
                "step.second-officer",
                f"{place}/second_officer",
                "交叉审核只能在窗口环节设置",
                "A second officer looks at a window's step only",
            )
    if chain and sum(step.act is StepAct.DECIDE for step in chain) != 1:
        yield _defect("step.decision", "/texts/chain", "办理链应当有且只有一个决定环节", "A chain has exactly one step that decides")
    timed = [step.limit for step in chain if step.limit is not None and step.act is not StepAct.DELIVER]
    total = Limit(amount=sum(map(window_minutes, timed)), unit=Unit.MINUTES)
    if is_longer(total, than=statutory):
        yield _defect(
            "step.limits-too-long",
            "/texts/chain",
            "各环节时限合计长于法定时限",
            "The steps together take longer than the law allows",
            "行政许可法 §42",
        )


def _stops(texts: TextsPart) -> Iterator[Defect]:
    yield from _repeated((stop.code for stop in texts.stops), "stop.repeated", "/texts/stops", "code")
    for index, stop in enumerate(texts.stops):
        if not stop.basis.strip():
            yield _defect(
                "stop.basis-missing",
                f"/texts/stops/{index}/basis",
                "没有法定依据不得中止计时",
                "A clock stops by law only",
                "行政许可法 §45",
            )


def _fees(texts: TextsPart) -> Iterator[Defect]:
    yield from _repeated((fee.code for fee in texts.fee_lines), "fee.repeated", "/texts/fee_lines", "code")
    for index, fee in enumerate(texts.fee_lines):
        if not fee.basis.strip():
            yield _defect(
                "fee.basis-missing",
                f"/texts/fee_lines/{index}/basis",
                "没有法定依据不得收费",
                "Nothing is charged without a law",
                "行政许可法 §58",
            )


def _repeated(names: Iterable[str], rule_id: str, place: str, field: str) -> Iterator[Defect]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield _defect(rule_id, f"{place}/{index}/{field}", "编号重复", "The same twice")
        seen.add(name)


def window_minutes(limit: Limit) -> int:
    """What a limit is compared by: a day counts as its window hours."""
    return limit.amount * _MINUTES[limit.unit]


def _defect(rule_id: str, pointer: str, message: str, message_en: str, basis: str = "") -> Defect:
    return Defect(rule_id=rule_id, pointer=pointer, message=message, message_en=message_en, basis=basis)


__all__ = ["declaration_defects", "element_defects", "is_longer", "window_minutes"]
