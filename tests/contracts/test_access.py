"""Access: who reaches which rows, and what a refusal looks like."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.caller import ANONYMOUS, Caller, CallerKind, Role
from contracts.refusals import Forbidden, NotFound
from contracts.values import NATION
from rules.access import ALWAYS, GRANTS, NEVER, All, AnyOf, Before, Eq, In, Tree, all_of, allows, any_of, columns, permit, tree
from tests.contracts.builders import (
    CHANGSHA,
    CHANGSHA_MARKET,
    DAYAO,
    HUNAN,
    JIANGXI,
    LIUYANG,
    LIUYANG_MARKET,
    TONGGU,
    a_caller,
    a_catalogue,
)

REGIONS = a_catalogue()
TONGGU_HALL = "11360926MB1234567X"
CASE = {
    "receiving_region": TONGGU,
    "receiving_organ": TONGGU_HALL,
    "handling_region": LIUYANG,
    "handling_organ": LIUYANG_MARKET,
    "applicant_key": "k1:aa",
    "case_id": "c1",
    "region": LIUYANG,
    "organ": LIUYANG_MARKET,
}

CLERK = a_caller(Role.RECEIVING_CLERK, region=TONGGU, organ=TONGGU_HALL)  # type: ignore[arg-type]
REVIEWER = a_caller(Role.REVIEWER)
APPROVER = a_caller(Role.APPROVER)
SUPERVISOR = a_caller(Role.SUPERVISOR, region=CHANGSHA, organ=None)
OTHER_SUPERVISOR = a_caller(Role.SUPERVISOR, region=DAYAO, organ=None)
STRANGER = a_caller(Role.REVIEWER, Role.APPROVER, Role.RECEIVING_CLERK, region=CHANGSHA, organ=CHANGSHA_MARKET)
APPLICANT = a_caller(Role.APPLICANT, kind=CallerKind.PERSON, region=None, organ=None)
NARROWED = a_caller(Role.APPLICANT, kind=CallerKind.PERSON, region=None, organ=None, case="c1")
ELSEWHERE = a_caller(Role.APPLICANT, kind=CallerKind.PERSON, region=None, organ=None, case="c2")
PARTNER = a_caller(Role.PARTNER, kind=CallerKind.MACHINE, region=TONGGU, organ=None)
OPERATOR = a_caller(Role.OPERATOR, region=NATION)
SERVICE = a_caller(kind=CallerKind.SERVICE, region=None, organ=None)


def may(caller: Caller, aggregate: str, action: str, *, keys: frozenset[str] = frozenset()) -> bool:
    return allows(tree(caller, aggregate, action, regions=REGIONS, applicant_keys=keys), CASE)


@pytest.mark.parametrize(
    ("caller", "allowed"),
    [
        (CLERK, {"view", "receive", "supplement", "reenter", "withdraw", "find", "view_person", "view_material", "check"}),
        (REVIEWER, {"view", "find", "view_person", "view_material", "check"}),
        (APPROVER, {"view", "find", "view_person", "view_material"}),
        (SUPERVISOR, {"view", "count"}),
        (OTHER_SUPERVISOR, set()),
        (a_caller(Role.CATALOGUE_AUTHOR, region=NATION), {"count"}),
        (a_caller(Role.CATALOGUE_REVIEWER, region=CHANGSHA), {"count"}),
        (a_caller(Role.CATALOGUE_REVIEWER, region=DAYAO), set()),
        (STRANGER, {"check"}),
        (APPLICANT, {"check"}),
        (NARROWED, {"view", "receive", "supplement", "withdraw", "view_person", "view_material", "check"}),
        (ELSEWHERE, {"check"}),
        (PARTNER, {"view", "receive", "supplement", "reenter", "withdraw", "view_person", "view_material", "check"}),
        (OPERATOR, set()),
        (SERVICE, {"view", "view_person", "view_persons", "view_material"}),
        (ANONYMOUS, set()),
    ],
)
def test_each_caller_has_exactly_these_rights_on_a_case(caller: Caller, allowed: set[str]) -> None:
    actions = {action for aggregate, action in GRANTS if aggregate == "case"}

    assert {action for action in actions if may(caller, "case", action)} == allowed


@pytest.mark.parametrize(
    ("caller", "allowed"),
    [
        (CLERK, {"view"}),
        (REVIEWER, {"view", "accept", "not_accept", "correct", "suspend", "resume"}),
        (APPROVER, {"view", "decide", "extend", "suspend", "resume"}),
        (SUPERVISOR, {"view"}),
        (STRANGER, set()),
        (NARROWED, {"view"}),
        (PARTNER, {"view"}),
        (OPERATOR, set()),
    ],
)
def test_each_caller_has_exactly_these_rights_on_a_handling(caller: Caller, allowed: set[str]) -> None:
    actions = {action for aggregate, action in GRANTS if aggregate == "handling"}

    assert {action for action in actions if may(caller, "handling", action)} == allowed


def test_an_applicant_is_known_by_key_where_keys_are_kept() -> None:
    assert may(APPLICANT, "case", "view", keys=frozenset({"k1:aa", "k2:bb"}))
    assert not may(APPLICANT, "case", "view", keys=frozenset({"k1:zz"}))


def test_a_token_narrowed_to_another_case_sees_nothing_even_with_the_right_key() -> None:
    assert not may(ELSEWHERE, "case", "view", keys=frozenset({"k1:aa"}))


def test_whoever_sees_a_case_but_may_not_decide_is_forbidden_with_what_a_trace_needs() -> None:
    with pytest.raises(Forbidden) as refused:
        permit(CLERK, "handling", "decide", CASE, regions=REGIONS, about="c1")

    assert refused.value.facts == {"aggregate": "handling", "action": "decide", "about": "c1"}


def test_a_strangers_case_looks_absent() -> None:
    with pytest.raises(NotFound):
        permit(STRANGER, "handling", "decide", CASE, regions=REGIONS, about="c1")


def test_what_hides_nothing_is_forbidden_rather_than_absent() -> None:
    for aggregate, action in (("case", "receive"), ("parked", "replay"), ("clock", "move")):
        with pytest.raises(Forbidden):
            permit(STRANGER, aggregate, action, CASE, regions=REGIONS)


def test_an_allowed_act_passes() -> None:
    permit(APPROVER, "handling", "decide", CASE, regions=REGIONS, about="c1")


def test_everyone_reads_the_catalogue_and_verifies_credentials_and_only_authors_write() -> None:
    author = a_caller(Role.CATALOGUE_AUTHOR, region=HUNAN, organ=None)

    assert may(ANONYMOUS, "item", "view")
    assert may(ANONYMOUS, "credential", "verify")
    assert may(author, "item", "author")
    assert not may(author, "item", "publish")
    assert not may(a_caller(Role.CATALOGUE_AUTHOR, region=JIANGXI), "item", "author")


def test_a_role_without_organ_or_region_reaches_nothing() -> None:
    nobody = a_caller(*Role, region=None, organ=None)

    assert tree(nobody, "handling", "accept", regions=REGIONS) == NEVER
    assert tree(nobody, "trace", "view", regions=REGIONS) == NEVER


def test_the_nation_is_no_list_of_codes() -> None:
    assert tree(a_caller(Role.SUPERVISOR, region=NATION), "trace", "view", regions=REGIONS) == ALWAYS


def test_an_unknown_action_is_an_error_not_a_right() -> None:
    with pytest.raises(KeyError):
        tree(OPERATOR, "case", "delete", regions=REGIONS)


def test_the_columns_of_an_aggregate_are_all_that_its_trees_ask_for() -> None:
    callers = [CLERK, REVIEWER, APPROVER, SUPERVISOR, NARROWED, PARTNER, SERVICE, a_caller(*Role, case="c1")]
    for (aggregate, action), caller in product(GRANTS, callers):
        row = dict.fromkeys(columns(aggregate), "?")

        allows(tree(caller, aggregate, action, regions=REGIONS), row)


COLUMNS = st.sampled_from(("a", "b"))
VALUES = st.sampled_from(("x", "y"))
INSTANTS = st.sampled_from((datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)))
TREES: st.SearchStrategy[Tree] = st.recursive(
    st.builds(Eq, COLUMNS, VALUES)
    | st.builds(In, COLUMNS, st.frozensets(VALUES))
    | st.builds(Before, st.just("at"), INSTANTS)
    | st.sampled_from((ALWAYS, NEVER)),
    lambda inner: (
        st.builds(All, st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=6,
)
ROWS = st.fixed_dictionaries({"a": VALUES | st.none(), "b": VALUES | st.none(), "at": INSTANTS | st.none()})


@given(trees=st.lists(TREES, max_size=4), row=ROWS)
def test_joined_trees_allow_what_their_parts_allow(trees: list[Tree], row: dict[str, object]) -> None:
    allowed = [allows(one, row) for one in trees]

    assert allows(all_of(trees), row) == all(allowed)
    assert allows(any_of(trees), row) == any(allowed)


@given(one=TREES, row=ROWS)
def test_a_row_without_values_is_never_allowed_more(one: Tree, row: dict[str, object]) -> None:
    empty: dict[str, object] = dict.fromkeys(row)

    assert allows(one, row) or not allows(one, empty)
