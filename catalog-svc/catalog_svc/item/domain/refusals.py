"""Why something that is done to a version of a service item is refused."""

from typing import ClassVar

from contracts.refusals import Conflict, Forbidden, Invalid, NotFound


class ItemUnknown(NotFound):
    """No such service item or version, or none that is in force."""

    RULE: ClassVar[str] = "item.unknown"
    ZH: ClassVar[str] = "没有此实施清单或者版本"
    EN: ClassVar[str] = "There is no such service item or version"


class ItemReviewedByAuthor(Forbidden):
    """Author and reviewer are one person; ``facts`` as for every refusal that leaves a trace."""

    RULE: ClassVar[str] = "item.same-person"
    ZH: ClassVar[str] = "起草人不能复核自己起草的实施清单"
    EN: ClassVar[str] = "The author may not review their own draft"


class ItemUnsound(Invalid):
    """A version that could not be used; all its defects are told at once."""

    RULE: ClassVar[str] = "item.unsound"
    ZH: ClassVar[str] = "实施清单内容不正确"
    EN: ClassVar[str] = "The service item's content is wrong"


class EffectiveTooSoon(Conflict):
    """It would take effect before every service could know; ``facts``: ``earliest``."""

    RULE: ClassVar[str] = "item.effective-too-soon"
    ZH: ClassVar[str] = "生效时间过早"
    EN: ClassVar[str] = "It would take effect too soon"


class ItemEnded(Conflict):
    """It would begin when another item has taken this one's place; ``facts``: ``successor``, ``since``."""

    RULE: ClassVar[str] = "item.ended"
    ZH: ClassVar[str] = "届时该事项已由其他事项取代"
    EN: ClassVar[str] = "Another item has taken its place by then"


class ItemOvertaken(Conflict):
    """Another version of the item was published since the draft, which does not know its changes; ``facts``: ``published``, that version."""

    RULE: ClassVar[str] = "item.overtaken"
    ZH: ClassVar[str] = "起草之后该事项已发布其他版本，请以最新版本为基础重新起草"
    EN: ClassVar[str] = "Another version of the item was published since this draft; draft it again from the newest"
