"""What a handling says no with."""

from contracts.refusals import Conflict, Forbidden, Invalid


class AwaitingSeal(Conflict):
    """The last act is not in force yet: its notice waits for the organ's seal."""

    RULE = "handling.awaiting-seal"
    ZH = "上一文书尚未加盖电子印章,请稍后再办"
    EN = "The last notice still waits for its seal; try again shortly"


class CaseIsOver(Conflict):
    """Another act came first and ended the matter; ``facts.winner`` names it."""

    RULE = "handling.over"
    ZH = "该办件已有结果,不能再办"
    EN = "Another act came first and ended the matter"


class DeemedAccepted(Conflict):
    """The time to tell ran out: the application counts as accepted.

    Law: 行政许可法 §32.
    """

    RULE = "acceptance.deemed"
    ZH = "已逾期未告知,依法视为受理"
    EN = "The time to tell ran out; by law the application counts as accepted"


class DefectUnknown(Invalid):
    """A defect lies in no field or material of the item's version, or rests on no rule of it; ``facts`` list what there is.

    Law: 行政许可法 §31, §32(4): nothing may be asked for that the item does not.
    """

    RULE = "correction.defect-unknown"
    ZH = "补正内容只能指向该事项版本公布的表单字段、材料和规则"
    EN = "A defect names a field, a material and a rule that the item's version publishes"


class OrganMissing(Invalid):
    """Who is not competent names the organ that is.

    Law: 行政许可法 §32(2).
    """

    RULE = "non-acceptance.organ-missing"
    ZH = "不属于本机关职权范围的,应当告知申请人向有关机关申请"
    EN = "An organ that is not competent tells which one is"


class ToldOnce(Conflict):
    """Everything to be supplied is told once; what could be seen the first time may not be asked for later.

    Law: 行政许可法 §32(4) (S-44).
    """

    RULE = "correction.told-once"
    ZH = "补正内容应当一次性告知,首次可见的问题不得再次要求补正"
    EN = "Everything to be supplied is told once; what could be seen the first time may not be asked for again"


class SamePerson(Forbidden):
    """Who received, helped, asked for corrections or accepted does not decide (S-47)."""

    RULE = "decision.same-person"
    ZH = "收件、帮办、补正或受理人员不得作出决定(受审分离)"
    EN = "Who received, helped, asked for corrections or accepted may not decide"


class FilingDenied(Conflict):
    """A filing 备案 is no permit: what is complete is accepted and put on file; what is not is corrected or not accepted (S-42).

    Law: 国发〔2021〕7号.
    """

    RULE = "decision.filing-denied"
    ZH = "备案事项材料齐全即予备案,不作审查决定,已受理的不得决定不予"
    EN = "What is complete is put on file; a filing that was accepted is not denied"


class GroundsMissing(Invalid):
    """A denial, also of a part, names its grounds from the item's texts; a full grant has none.

    Law: 行政许可法 §38.
    """

    RULE = "decision.grounds-missing"
    ZH = "不予许可应当说明理由并引用事项公布的依据"
    EN = "A denial gives its reason and names grounds that the item publishes"


class ValidityPast(Invalid):
    """A credential would hold no more on the day on which it is decided."""

    RULE = "decision.valid-until"
    ZH = "有效期截止日应当晚于决定日"
    EN = "A credential must hold beyond the day of the decision"


class GroundUnknown(Invalid):
    """The ground is none for which the law stops the clock.

    Law: 行政许可法 §45.
    """

    RULE = "suspension.ground-unknown"
    ZH = "该情形不是法定的期限中止情形"
    EN = "The law does not stop the clock for this"


class NothingToStop(Conflict):
    """The statutory time has run out, so nothing is left that could stand still.

    Law: 行政许可法 §42, §45.
    """

    RULE = "suspension.time-ran-out"
    ZH = "法定办结期限已经届满,不能再中止计时"
    EN = "The statutory time ran out; there is none left to stop"


class ExtensionRefused(Conflict):
    """There is one extension, before the time ran out, where the item allows it.

    Law: 行政许可法 §42.
    """

    RULE = "extension.refused"
    ZH = "期限只能在届满前延长一次,且事项须允许延长"
    EN = "Time is extended once, before it ran out, and only where the item allows it"


class NotOpened(Conflict):
    """Nobody has signed for the case yet, so there is no handling."""

    RULE = "handling.not-opened"
    ZH = "该办件尚未签收"
    EN = "Nobody has signed for this case yet"
