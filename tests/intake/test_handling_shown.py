"""What routing and credential report is shown, in whatever order it is heard, and closes the case at its end."""

import random
from typing import Any

import pytest
from sqlalchemy import insert

from chassis.tables import PARKED
from contracts.codec import encode
from contracts.events import CaseEvent
from contracts.refusals import NotFound
from intake_svc.case.handlers import SUBSCRIPTIONS, prepare
from intake_svc.enquiry.domain import MOST_NUMBERS, MOST_WRONG, WITHIN, WrongTries, count_wrong
from tests.intake.builders import (
    AT,
    CLERK,
    PHONE,
    REVIEWER,
    Fact,
    Service,
    a_case_id,
    accepted,
    an_envelope,
    decided,
    decision_sealed,
    delivered,
    ended,
    extended,
    notice_sealed,
    redated,
    resumed,
    signed_for,
    suspended,
    validated,
    withdrawn,
)
from tests.support.figures import fires, samples
from tests.support.sending import statements

ID_END = "31002X"


async def test_both_sides_see_the_handling_and_who_holds_the_case(service: Service) -> None:
    case = await service.received()
    facts: tuple[Fact, ...] = (validated, signed_for, accepted)
    for position, fact in enumerate(facts, start=1):
        await service.hear(fact(case["case_id"]), position=position)

    receiving = await service.shown(case["case_no"])
    handling = await service.shown(case["case_id"], by=REVIEWER)

    assert receiving == handling
    assert (receiving["stage"], receiving["held_by"]["name"], receiving["awaiting_seal"]) == ("accepted", "浏阳市市场监督管理局", True)
    assert (receiving["applicant"], receiving["item_name"]) == ("**某", "个体工商户登记")


async def test_whoever_watches_sees_where_the_open_cases_stand_and_is_called_when_one_is_not_routed(service: Service) -> None:
    routed = await service.received()
    await service.hear(validated(routed["case_id"]), position=1)
    await service.received()
    service.context.now.set_offset(7200)
    await service.received()

    found = await samples(service.client, needs="cases_open")

    standing = {(each.labels["stage"], each.labels["age"]): each.value for each in found if each.name == "cases_open" and each.value}
    assert standing == {("validated", "day"): 1, ("received", "day"): 1, ("received", "minute"): 1}
    assert fires("CasesNotRouted", found)


@pytest.mark.parametrize("seed", range(4))
async def test_the_end_closes_the_case_once_in_any_order_of_the_two_services(service: Service, seed: int) -> None:
    case = await service.received()
    case_id = case["case_id"]
    facts: tuple[Fact, ...] = (validated, signed_for, accepted, suspended, resumed, extended, decided, delivered, ended)
    routing = [(fact(case_id), position) for position, fact in enumerate(facts, start=1)]
    credential: list[tuple[CaseEvent, int]] = [(notice_sealed(case_id), 1), (decision_sealed(case_id), 2)]
    heard = [*routing, *credential, *routing]
    random.Random(seed).shuffle(heard)

    for event, position in heard:
        await service.hear(event, position=position)

    shown = await service.shown(case["case_no"])
    [closed] = await service.outbox("tongban.case.closed.v1")
    assert (shown["stage"], shown["state"], shown["ending"], shown["held_by"]) == ("delivered", "closed", "granted", None)
    assert closed["ending"] == "granted"


async def test_a_fact_that_comes_late_leaves_the_version_alone(service: Service) -> None:
    case = await service.received()
    await service.hear(signed_for(case["case_id"]), position=5)
    before = await service.shown(case["case_no"])

    await service.hear(validated(case["case_id"]), position=4)

    assert await service.shown(case["case_no"]) == before


async def test_a_fact_about_a_case_nobody_received_is_refused(service: Service) -> None:
    with pytest.raises(NotFound):
        await service.hear(validated(a_case_id()), position=1)


async def test_a_case_with_parked_events_asks_for_attention(service: Service) -> None:
    case = await service.received()
    row = {
        "consumer": "intake",
        "topic": "case.events.v1",
        "partition": 0,
        "offset": 1,
        "key": case["case_id"],
        "type": "tongban.case.accepted.v9",
        "event_id": "e1",
        "headers": [],
        "value": b"{}",
        "reason": "unknown-version",
        "error": "",
        "at": AT,
    }
    assert (await service.shown(case["case_no"]))["attention"] is False

    async with service.context.database.begin(service.context) as tx:
        await tx.execute(insert(PARKED), row)

    assert (await service.shown(case["case_no"]))["attention"] is True


async def test_an_unchanged_case_is_not_sent_again(service: Service) -> None:
    case = await service.received()
    path = f"/v1/cases/{case['case_no']}"
    first = await service.get(path, by=CLERK)

    again = await service.get(path, by=CLERK, if_none_match=first.headers["etag"])
    await service.hear(validated(case["case_id"]), position=1)
    changed = await service.get(path, by=CLERK, if_none_match=first.headers["etag"])

    assert (again.status_code, changed.status_code) == (304, 200)


async def test_whoever_holds_the_slip_learns_where_the_case_stands(service: Service) -> None:
    case = await service.received()
    await service.hear(accepted(case["case_id"]), position=1)

    answer = await service.post("/v1/progress", {"case_no": case["case_no"], "id_last_six": ID_END.lower()}, by=None)

    shown = answer.json()
    assert answer.status_code == 200, answer.text
    assert (shown["stage"], shown["held_by"]["name"]) == ("accepted", "浏阳市市场监督管理局")
    assert shown["workdays_left"] >= 0
    assert PHONE not in answer.text


async def test_while_the_clock_stands_still_there_is_no_date_and_the_applicant_is_told_so(service: Service) -> None:
    case = await service.received()
    facts: tuple[Fact, ...] = (accepted, suspended, resumed, extended)
    seen = []
    for position, fact in enumerate(facts, start=1):
        await service.hear(fact(case["case_id"]), position=position)
        asked = await service.post("/v1/progress", {"case_no": case["case_no"], "id_last_six": ID_END}, by=None)
        shown = asked.json()
        counted = shown["workdays_left"] is not None
        seen.append((shown["stage"], shown["answer_by"], counted, shown["clock_stopped"], shown["held_by"]["name"]))

    organ = "浏阳市市场监督管理局"
    assert seen == [
        ("accepted", encode(accepted("x").promised_due), True, False, organ),
        ("suspended", None, False, True, organ),
        ("accepted", encode(resumed("x").promised_due), True, False, organ),
        ("accepted", encode(extended("x").promised_due), True, False, organ),
    ]


async def test_a_date_that_was_provisional_is_shown_anew_and_an_act_in_between_is_not_undone(service: Service) -> None:
    case, other = await service.received(), await service.received()
    told: list[tuple[Any, tuple[Fact, ...]]] = [(case, (accepted, redated)), (other, (accepted, extended, redated))]
    for one, facts in told:
        for position, fact in enumerate(facts, start=1):
            await service.hear(fact(one["case_id"]), position=position)

    shown, kept = [await service.shown(one["case_no"]) for one in (case, other)]

    assert (shown["stage"], shown["answer_by"], shown["awaiting_seal"]) == ("accepted", encode(redated("x").due), True)
    assert kept["answer_by"] == encode(extended("x").promised_due)


async def test_a_wrong_end_and_an_unknown_number_look_alike(service: Service) -> None:
    case = await service.received()

    wrong = await service.post("/v1/progress", {"case_no": case["case_no"], "id_last_six": "000000"}, by=None)
    unknown = await service.post("/v1/progress", {"case_no": "360926202611230099990", "id_last_six": ID_END}, by=None)

    bodies = [{name: value for name, value in answer.json().items() if name != "traceId"} for answer in (wrong, unknown)]
    assert wrong.status_code == unknown.status_code == 404
    assert bodies[0] == bodies[1]


async def test_nobody_guesses_the_end_of_an_identity_number(service: Service) -> None:
    case, other = await service.received(), await service.received()

    async def ask(no: str, end: str) -> int:
        return (await service.post("/v1/progress", {"case_no": no, "id_last_six": end}, by=None)).status_code

    guessed = [await ask(case["case_no"], f"{end:06}") for end in range(MOST_WRONG)]
    shut, open_ = await ask(case["case_no"], ID_END), await ask(other["case_no"], ID_END)
    service.context.now.set_offset(WITHIN.total_seconds())
    later = await ask(case["case_no"], ID_END)

    assert (set(guessed), shut, open_, later) == ({404}, 404, 200, 200)


def test_only_so_many_numbers_are_remembered() -> None:
    tries = WrongTries()

    for number in range(MOST_NUMBERS + 5):
        count_wrong(tries, f"{number:021}", at=AT)

    assert (len(tries), next(iter(tries))) == (MOST_NUMBERS, f"{5:021}")


async def test_a_batch_reads_and_writes_as_much_as_one_event(service: Service) -> None:
    cases = [(await service.received())["case_id"] for _ in range(3)]
    facts = [fact(case_id) for case_id in cases for fact in (validated, signed_for, withdrawn)]

    with statements(service.context.database, pool="consumers") as sent:
        async with service.context.database.consume(service.context) as tx:
            await prepare(tx, facts)
            for position, fact in enumerate(facts, start=1):
                tx.envelope = an_envelope(fact, position=position)
                await SUBSCRIPTIONS[type(fact)](tx, fact)
    shown = [await service.shown(case_id) for case_id in cases]

    assert len(sent) == 2, "one that reads and one that writes"
    assert [(case["stage"], case["version"]) for case in shown] == [("withdrawn", 2)] * 3
