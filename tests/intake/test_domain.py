"""A case moves by its table; what it shows of its handling is the owner's last fact, however facts are heard."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import CaseClosed, CaseEvent, CaseReceived, CaseSupplemented, DecisionSealed, NoticeSealed
from contracts.refusals import IllegalMove
from contracts.values import CaseId, CaseNo, Channel, Digest, Ending, ItemCode, ItemVersionId, Mode, NoticeId
from intake_svc.case.domain import MOVES, Case, CaseState, Handed, Receipt, SupplementNotAsked
from intake_svc.progress.domain import Progress, Stage
from intake_svc.seed import TONGGU as TONGGU_HALL
from tests.contracts.builders import LIUYANG, LIUYANG_MARKET, TONGGU
from tests.intake.builders import (
    AT,
    CLERK,
    Fact,
    a_case_id,
    accepted,
    correction_noticed,
    decided,
    decision_sealed,
    delivered,
    ended,
    notice_sealed,
    signed_for,
    validated,
    withdrawn,
)

ID = a_case_id()
DIGEST = Digest("sha256:" + "1" * 64)
RECEIPT = Receipt(
    case_no=CaseNo("360926202611230000018"),
    received_at=AT,
    receiving_region=TONGGU,
    receiving_organ=TONGGU_HALL,
    window=None,
    channel=Channel.WINDOW,
    received_by=CLERK.ref,
    helped_by=(),
    item_code=ItemCode("000131014000"),
    version_id=ItemVersionId("v1"),
    situation="new",
    mode=Mode.COLLECT_HERE,
    handling_region=LIUYANG,
    handling_organ=LIUYANG_MARKET,
    agreement_id=None,
    route_rule="route.own-region",
    check_digest=DIGEST,
    applicant_key="k",
    applicant_label="**某",
    progress_key="p",
)


def a_draft(*, state: CaseState = CaseState.DRAFT) -> Case:
    return Case(case_id=CaseId(ID), root_case_id=CaseId(ID), state=state)


def a_case(*heard: CaseEvent) -> Case:
    case = a_draft()
    case.receive(RECEIPT, form_digest=DIGEST, materials=(Handed(code="premises", digest=DIGEST, material_id="m1"),))
    for position, event in enumerate(heard, start=1):
        case.hear(event, position=position, at=AT)
    return case


def recorded(case: Case) -> list[type[CaseEvent]]:
    return [type(event) for _, event in case.events]


@pytest.mark.parametrize("state", sorted(set(CaseState) - {CaseState.DRAFT}))
def test_only_a_draft_is_received(state: CaseState) -> None:
    with pytest.raises(IllegalMove):
        a_draft(state=state).receive(RECEIPT, form_digest=DIGEST, materials=())


def test_every_state_has_its_row_and_only_a_discarded_case_has_no_way_on() -> None:
    assert set(MOVES) == set(CaseState)
    assert {state for state, ways in MOVES.items() if not ways} == {CaseState.DISCARDED}


def test_a_case_counts_its_own_events() -> None:
    case = a_case(validated(ID), signed_for(ID), accepted(ID), decided(ID), delivered(ID), ended(ID))

    assert recorded(case) == [CaseReceived, CaseClosed]
    assert [sequence for sequence, _ in case.events] == [1, 2]
    assert (case.state, case.closed_at) == (CaseState.CLOSED, AT)


@pytest.mark.parametrize(
    ("heard", "stage", "held_by"),
    [
        ([], Stage.RECEIVED, TONGGU_HALL),
        ([validated], Stage.VALIDATED, TONGGU_HALL),
        ([validated, signed_for], Stage.SIGNED_FOR, LIUYANG_MARKET),
        ([signed_for, correction_noticed], Stage.CORRECTING, TONGGU_HALL),
        ([signed_for, accepted], Stage.ACCEPTED, LIUYANG_MARKET),
        ([accepted, decided], Stage.DECIDED, LIUYANG_MARKET),
        ([decided, decision_sealed], Stage.DECIDED, TONGGU_HALL),
        ([decided, decision_sealed, delivered, ended], Stage.DELIVERED, None),
        ([withdrawn], Stage.WITHDRAWN, LIUYANG_MARKET),
    ],
)
def test_the_first_stays_accountable_until_the_next_has_signed(heard: list[Fact], stage: Stage, held_by: str | None) -> None:
    case = a_case(*(event(ID) for event in heard))

    assert (case.stage, case.held_by) == (stage, held_by)


@pytest.mark.parametrize("ending", list(Ending))
def test_every_ending_closes_the_case(ending: Ending) -> None:
    case = a_case(ended(ID, ending=ending))

    assert case.state is CaseState.CLOSED
    assert [event.ending for _, event in case.events if isinstance(event, CaseClosed)] == [ending]


def test_an_act_awaits_its_own_seal() -> None:
    heard = [accepted(ID), notice_sealed(ID), decided(ID), decision_sealed(ID)]

    awaiting = [a_case(*heard[:count]).progress.awaiting_seal for count in range(5)]

    assert awaiting == [False, True, False, True, False]


def test_a_late_fact_changes_nothing() -> None:
    case = a_case(validated(ID), signed_for(ID), accepted(ID))
    before = replace(case.progress)

    case.hear(signed_for(ID), position=2, at=AT)

    assert case.progress == before


def test_a_supplement_answers_the_notice_that_waits_and_only_once() -> None:
    case = a_case(signed_for(ID), correction_noticed(ID))

    def supplement(notice: str) -> None:
        case.supplement(NoticeId(notice), form_digest=DIGEST, materials=(), by=CLERK.ref, at=AT)

    with pytest.raises(SupplementNotAsked):
        supplement("another")
    supplement("n-correction")
    with pytest.raises(SupplementNotAsked):
        supplement("n-correction")

    assert (case.stage, case.held_by) == (Stage.SUPPLEMENTED, LIUYANG_MARKET)
    assert recorded(case) == [CaseReceived, CaseSupplemented]


ROUTING: tuple[Fact, ...] = (validated, signed_for, correction_noticed, accepted, decided, withdrawn, delivered, ended)
SEALS: tuple[Fact, ...] = (
    lambda case_id: notice_sealed(case_id, notice="n-correction"),
    lambda case_id: notice_sealed(case_id, notice="n-acceptance"),
    lambda case_id: decision_sealed(case_id, notice="n-decision"),
)


@given(st.lists(st.sampled_from(ROUTING), min_size=1, max_size=8), st.sets(st.sampled_from(SEALS)), st.integers())
def test_facts_of_two_services_commute(facts: list[Fact], seals: set[Fact], seed: int) -> None:
    told = [(fact(ID), position) for position, fact in enumerate(facts, start=1)]
    sealed = [(seal(ID), position) for position, seal in enumerate(seals, start=1)]
    shuffled = [*told, *sealed]
    random.Random(seed).shuffle(shuffled)

    in_order, in_any_order = Progress(), Progress()
    for event, position in (*told, *sealed):
        in_order = in_order.hear(event, position=position)
    for event, position in shuffled:
        in_any_order = in_any_order.hear(event, position=position)

    assert in_any_order == in_order
    assert in_any_order.position == len(facts)
    last = Progress().hear(facts[-1](ID), position=1)
    assert (in_any_order.stage, in_any_order.answer_by) == (last.stage, last.answer_by)


@given(st.permutations([accepted, decided, delivered, ended]), st.booleans())
def test_a_case_is_closed_once_however_its_end_is_heard(order: list[Fact], seals_first: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    positions = {accepted: 1, decided: 2, delivered: 3, ended: 4}
    case = a_case()
    heard = [(fact(ID), positions[fact]) for fact in order]
    seals: list[tuple[CaseEvent, int]] = [(notice_sealed(ID), 1), (decision_sealed(ID), 2)]

    for event, position in [*seals, *heard] if seals_first else [*heard, *seals]:
        case.hear(event, position=position, at=AT)

    assert (case.stage, case.state) == (Stage.DELIVERED, CaseState.CLOSED)
    assert recorded(case) == [CaseReceived, CaseClosed]
    assert case.progress.sealed == {"n-acceptance", "n-decision"}
    assert all(isinstance(event, NoticeSealed | DecisionSealed) for event, _ in seals)
