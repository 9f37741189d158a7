"""Who may what: one table of grants, and the small trees that every read path filters by.

`tree` turns a caller, an aggregate and an action into a condition over named columns. `allows` evaluates it for one row
(events, webhooks, a loaded aggregate); ``chassis.database.where`` compiles the very same tree to SQL. A tree has no
negation and a column without a value meets no condition, so both ways agree on missing values.

Columns: ``receiving_region receiving_organ handling_region handling_organ applicant_key case_id region organ``; which of
them an aggregate needs, `columns` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

from contracts.caller import Caller, CallerKind, Role
from contracts.refusals import Forbidden, NotFound
from contracts.values import NATION, OrganCode, RegionCode

Scalar: TypeAlias = str | int | bool


@dataclass(frozen=True, slots=True)
class All:
    """Every tree holds; at least one tree."""

    trees: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one tree holds; at least one tree."""

    trees: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Eq:
    """The column has this value."""

    column: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class In:
    """The column has one of these values."""

    column: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Before:
    """The column's instant is earlier."""

    column: str
    instant: datetime


@dataclass(frozen=True, slots=True)
class Always:
    """Every row."""


@dataclass(frozen=True, slots=True)
class Never:
    """No row."""


Tree: TypeAlias = All | AnyOf | Eq | In | Before | Always | Never

ALWAYS = Always()
NEVER = Never()


class Subtrees(Protocol):
    """What knows which regions lie under a region and which organs became one; the catalogue does."""

    def subtree(self, code: RegionCode, /) -> frozenset[RegionCode]:
        """The region itself and all below it; empty for an unknown code."""
        ...

    def one_with(self, code: OrganCode, /) -> frozenset[OrganCode]:
        """The code and those of all organs that became one with it by a merger."""
        ...


class Scope(StrEnum):
    """How far a grant reaches; each is a condition over columns, made from the caller."""

    ANY = "any"
    RECEIVING_ORGAN = "receiving_organ"
    HANDLING_ORGAN = "handling_organ"
    RECEIVING_SUBTREE = "receiving_subtree"
    HANDLING_SUBTREE = "handling_subtree"
    RECEIVING_PARTY = "receiving_party"
    """A machine's own organ, or its whole region when it stands for one."""
    HANDLING_PARTY = "handling_party"
    OWN = "own"
    """The applicant's own: by key where the person is known, by the one case elsewhere."""
    OWN_REGION = "own_region"
    """The caller's region and all below it."""
    OWN_ORGAN = "own_organ"


class Public(StrEnum):
    """Who needs no role."""

    EVERYONE = "everyone"


Who: TypeAlias = Role | CallerKind | Public
Grants: TypeAlias = tuple[tuple[Who, Scope], ...]

_COLUMNS: dict[Scope, frozenset[str]] = {
    Scope.ANY: frozenset(),
    Scope.RECEIVING_ORGAN: frozenset({"receiving_organ"}),
    Scope.HANDLING_ORGAN: frozenset({"handling_organ"}),
    Scope.RECEIVING_SUBTREE: frozenset({"receiving_region"}),
    Scope.HANDLING_SUBTREE: frozenset({"handling_region"}),
    Scope.RECEIVING_PARTY: frozenset({"receiving_region", "receiving_organ"}),
    Scope.HANDLING_PARTY: frozenset({"handling_region", "handling_organ"}),
    Scope.OWN: frozenset({"case_id"}),
    Scope.OWN_REGION: frozenset({"region"}),
    Scope.OWN_ORGAN: frozenset({"organ"}),
}

_CLERK = (Role.RECEIVING_CLERK, Scope.RECEIVING_ORGAN)
_REVIEWER = (Role.REVIEWER, Scope.HANDLING_ORGAN)
_APPROVER = (Role.APPROVER, Scope.HANDLING_ORGAN)
_SUPERVISOR = ((Role.SUPERVISOR, Scope.RECEIVING_SUBTREE), (Role.SUPERVISOR, Scope.HANDLING_SUBTREE))
_APPLICANT = (Role.APPLICANT, Scope.OWN)
_PARTNER_RECEIVES = (Role.PARTNER, Scope.RECEIVING_PARTY)
_PARTNER = (_PARTNER_RECEIVES, (Role.PARTNER, Scope.HANDLING_PARTY))
_SERVICE = (CallerKind.SERVICE, Scope.ANY)
_OPERATOR = (Role.OPERATOR, Scope.ANY)
_EVERYONE = (Public.EVERYONE, Scope.ANY)

_BOTH_SIDES: Grants = (_CLERK, _REVIEWER, _APPROVER, *_SUPERVISOR, _APPLICANT, *_PARTNER)
_AT_THE_WINDOW: Grants = (_CLERK, _APPLICANT, _PARTNER_RECEIVES)
_PERSON: Grants = (_CLERK, _REVIEWER, _APPROVER, _APPLICANT, *_PARTNER, _SERVICE)
_AUTHOR: Grants = ((Role.CATALOGUE_AUTHOR, Scope.OWN_REGION),)
_CATALOGUE_REVIEWER: Grants = ((Role.CATALOGUE_REVIEWER, Scope.OWN_REGION),)

GRANTS: dict[tuple[str, str], Grants] = {
    ("case", "view"): (*_BOTH_SIDES, _SERVICE),
    ("case", "check"): tuple((role, Scope.ANY) for role in (Role.RECEIVING_CLERK, Role.REVIEWER, Role.APPLICANT, Role.PARTNER)),
    ("case", "receive"): _AT_THE_WINDOW,
    ("case", "supplement"): _AT_THE_WINDOW,
    ("case", "reenter"): (_CLERK, _PARTNER_RECEIVES),
    ("case", "withdraw"): _AT_THE_WINDOW,
    ("case", "find"): (_CLERK, _REVIEWER, _APPROVER),
    ("case", "count"): tuple((role, Scope.HANDLING_SUBTREE) for role in (Role.CATALOGUE_AUTHOR, Role.CATALOGUE_REVIEWER, Role.SUPERVISOR)),
    ("case", "view_person"): _PERSON,
    ("case", "view_persons"): (_SERVICE,),
    ("case", "view_material"): _PERSON,
    ("transfer", "view"): _BOTH_SIDES,
    ("transfer", "sign"): (_REVIEWER,),
    ("transfer", "return"): (_REVIEWER,),
    ("handling", "view"): _BOTH_SIDES,
    ("handling", "accept"): (_REVIEWER,),
    ("handling", "not_accept"): (_REVIEWER,),
    ("handling", "correct"): (_REVIEWER,),
    ("handling", "decide"): (_APPROVER,),
    ("handling", "extend"): (_APPROVER,),
    ("handling", "suspend"): (_REVIEWER, _APPROVER),
    ("handling", "resume"): (_REVIEWER, _APPROVER),
    ("notice", "view"): (*_BOTH_SIDES, _SERVICE),
    ("delivery", "view"): _BOTH_SIDES,
    ("delivery", "deliver"): (_CLERK,),
    ("timeline", "view"): _BOTH_SIDES,
    ("card", "view"): (_CLERK, _REVIEWER, _APPROVER, *_SUPERVISOR),
    ("statistics", "view"): (_REVIEWER, _APPROVER, *_SUPERVISOR),
    ("trace", "view"): ((Role.SUPERVISOR, Scope.OWN_REGION),),
    ("report", "view"): (*_AUTHOR, *_CATALOGUE_REVIEWER, (Role.SUPERVISOR, Scope.OWN_REGION)),
    ("credential", "view"): (*_BOTH_SIDES, _SERVICE),
    ("credential", "view_person"): _PERSON,
    ("credential", "suspend"): (_APPROVER,),
    ("credential", "resume"): (_APPROVER,),
    ("credential", "revoke"): (_APPROVER,),
    ("credential", "verify"): (_EVERYONE,),
    **{
        (aggregate, action): grants
        for aggregate in ("item", "region", "organ", "agreement", "delegation", "calendar")
        for action, grants in (
            ("view", (_EVERYONE,)),
            ("author", _AUTHOR),
            ("review", _CATALOGUE_REVIEWER),
            ("publish", _CATALOGUE_REVIEWER),
        )
    },
    ("item", "preview"): (*_AUTHOR, *_CATALOGUE_REVIEWER),
    ("word", "view"): (_EVERYONE,),
    ("word", "author"): _AUTHOR,
    ("miss", "view"): (*_AUTHOR, *_CATALOGUE_REVIEWER),
    ("bulk", "view"): (*_AUTHOR, *_CATALOGUE_REVIEWER),
    ("bulk", "import"): _AUTHOR,
    ("bulk", "review"): _CATALOGUE_REVIEWER,
    ("bulk", "publish"): _CATALOGUE_REVIEWER,
    ("bulk", "export"): (*_AUTHOR, *_CATALOGUE_REVIEWER),
    ("parked", "view"): (_OPERATOR,),
    ("parked", "replay"): (_OPERATOR,),
    ("parked", "discard"): (_OPERATOR,),
    ("clock", "move"): (_OPERATOR,),
}
"""Every right there is; what is not in it is refused."""

_NOTHING_TO_HIDE = frozenset(
    {
        ("case", "check"),
        ("case", "receive"),
        ("case", "find"),
        ("case", "count"),
        ("case", "view_persons"),
        ("parked", "view"),
        ("parked", "replay"),
        ("parked", "discard"),
        ("clock", "move"),
        ("statistics", "view"),
        ("report", "view"),
        ("trace", "view"),
        ("miss", "view"),
    }
)
"""Actions about nothing whose existence is private: refused as forbidden, never as absent."""

_OF_A_CASE = frozenset(
    {"case", "transfer", "handling", "notice", "delivery", "timeline", "card", "credential"},
)


def all_of(trees: Iterable[Tree]) -> Tree:
    """Join trees by *and*, without needless nodes; no tree at all is `ALWAYS`."""
    kept = tuple(tree for tree in trees if not isinstance(tree, Always))
    if any(isinstance(tree, Never) for tree in kept):
        return NEVER
    return kept[0] if len(kept) == 1 else All(kept) if kept else ALWAYS


def any_of(trees: Iterable[Tree]) -> Tree:
    """Join trees by *or*, without needless or repeated nodes; no tree at all is `NEVER`."""
    kept = tuple(dict.fromkeys(tree for tree in trees if not isinstance(tree, Never)))
    if any(isinstance(tree, Always) for tree in kept):
        return ALWAYS
    return kept[0] if len(kept) == 1 else AnyOf(kept) if kept else NEVER


def allows(tree: Tree, row: Mapping[str, object]) -> bool:
    """Whether a row meets a tree.

    Raises:
        KeyError: The row lacks a column that the tree asks for; a row must show all `columns` of its aggregate.
    """
    match tree:
        case Always():
            return True
        case Never():
            return False
        case Eq(column, value):
            return row[column] == value
        case In(column, values):
            return row[column] in values
        case Before(column, instant):
            found = row[column]
            return isinstance(found, datetime) and found < instant
        case All(trees):
            return all(allows(part, row) for part in trees)
        case AnyOf(trees):
            return any(allows(part, row) for part in trees)


def columns(aggregate: str) -> frozenset[str]:
    """The columns that rows of an aggregate must show; ``applicant_key`` is asked for only where keys are passed."""
    wanted = {column for (name, _), grants in GRANTS.items() if name == aggregate for _, scope in grants for column in _COLUMNS[scope]}
    return frozenset(wanted | ({"case_id"} if aggregate in _OF_A_CASE else set()))


def tree(
    caller: Caller,
    aggregate: str,
    action: str,
    *,
    regions: Subtrees,
    applicant_keys: frozenset[str] = frozenset(),
) -> Tree:
    """The rows of an aggregate on which a caller may act so.

    Args:
        caller: Verified caller; what its role lacks (an organ, a region) makes the grant reach nothing.
        aggregate: First half of a key of `GRANTS`.
        action: Second half.
        regions: Resolves a region's subtree.
        applicant_keys: Keyed hashes of the caller's own identity, where the service keeps ``applicant_key``.

    Raises:
        KeyError: There is no such action.
    """
    held = {caller.kind, Public.EVERYONE, *caller.roles}
    reached = any_of(
        _reach(caller, scope, regions=regions, applicant_keys=applicant_keys) for who, scope in GRANTS[aggregate, action] if who in held
    )
    if caller.case is not None and aggregate in _OF_A_CASE and not isinstance(reached, Always):
        return all_of((reached, Eq("case_id", caller.case)))
    return reached


def permit(
    caller: Caller,
    aggregate: str,
    action: str,
    row: Mapping[str, object],
    *,
    regions: Subtrees,
    about: str = "",
    applicant_keys: frozenset[str] = frozenset(),
) -> None:
    """Let the caller act on one row, or refuse.

    Args:
        caller: Verified caller.
        aggregate: First half of a key of `GRANTS`.
        action: Second half.
        row: The columns of the aggregate; for what does not exist yet, as it would be.
        regions: Resolves a region's subtree.
        about: Public id of what is acted on, for the trace; never a person.
        applicant_keys: As for `tree`.

    Raises:
        NotFound: The caller may not even see it.
        Forbidden: The caller may see it but not do this; ``facts`` name aggregate, action and ``about``.
    """
    if allows(tree(caller, aggregate, action, regions=regions, applicant_keys=applicant_keys), row):
        return
    if (aggregate, action) not in _NOTHING_TO_HIDE:
        seen = tree(caller, aggregate, "view", regions=regions, applicant_keys=applicant_keys)
        if not allows(seen, row):
            raise NotFound
    raise Forbidden(facts={"aggregate": aggregate, "action": action, "about": about})


def _reach(caller: Caller, scope: Scope, *, regions: Subtrees, applicant_keys: frozenset[str]) -> Tree:
    match scope:
        case Scope.ANY:
            return ALWAYS
        case Scope.RECEIVING_ORGAN | Scope.HANDLING_ORGAN:
            return _organ(scope.value, caller.organ, regions)
        case Scope.OWN_ORGAN:
            return _organ("organ", caller.organ, regions)
        case Scope.RECEIVING_SUBTREE:
            return _under("receiving_region", caller.region, regions)
        case Scope.HANDLING_SUBTREE:
            return _under("handling_region", caller.region, regions)
        case Scope.OWN_REGION:
            return _under("region", caller.region, regions)
        case Scope.RECEIVING_PARTY:
            return _party("receiving", caller, regions)
        case Scope.HANDLING_PARTY:
            return _party("handling", caller, regions)
        case Scope.OWN:
            if applicant_keys:
                return In("applicant_key", applicant_keys)
            return _equal("case_id", caller.case)


def _equal(column: str, value: str | None) -> Tree:
    return NEVER if value is None else Eq(column, value)


def _under(column: str, region: RegionCode | None, regions: Subtrees) -> Tree:
    if region is None:
        return NEVER
    if region == NATION:
        return ALWAYS
    below = regions.subtree(region)
    return In(column, frozenset(below)) if below else NEVER


def _organ(column: str, organ: OrganCode | None, regions: Subtrees) -> Tree:
    """The caller's organ; an officer of one that was merged is an officer of what it became, and of all that became the same."""
    if organ is None:
        return NEVER
    codes = regions.one_with(organ)
    return In(column, frozenset(codes)) if len(codes) > 1 else Eq(column, organ)


def _party(side: str, caller: Caller, regions: Subtrees) -> Tree:
    if caller.organ is not None:
        return _organ(f"{side}_organ", caller.organ, regions)
    return _equal(f"{side}_region", caller.region)
