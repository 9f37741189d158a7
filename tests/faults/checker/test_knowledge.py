"""The checker shares no code with what it judges; what it knows by itself must still be so."""

import re

import pytest

from contracts.events import EVENTS
from credential_svc.app import SUBSCRIPTIONS as CREDENTIAL
from intake_svc.case.handlers import SUBSCRIPTIONS as INTAKE
from routing_svc.app import SUBSCRIPTIONS as ROUTING
from routing_svc.handling.domain import WAITS as OF_HANDLINGS
from routing_svc.transfer.domain import WAITS as OF_TRANSFERS
from tests.house.layout import PACKAGES, imports, parse
from tongban_operations.checker.events import HEARS, READERS, TELLINGS, TOPICS
from tongban_operations.checker.rules import RULES
from tongban_operations.checker.waits import WAITS

CHECKER = PACKAGES["tongban_operations"] / "checker"
FAMILIES = {rule.split(".")[0] for rule in RULES}


def test_it_imports_nothing_of_the_services_or_what_they_share() -> None:
    own = {"tongban_operations"}
    judged = set(PACKAGES) - own

    taken = {
        f"{path.name}: {name}" for path in sorted(CHECKER.glob("*.py")) for name, _ in imports(parse(path)) if name.split(".")[0] in judged
    }

    assert taken == set()


@pytest.mark.parametrize(("service", "subscriptions"), [("intake", INTAKE), ("routing", ROUTING), ("credential", CREDENTIAL)])
def test_it_knows_what_each_service_hears(service: str, subscriptions: dict) -> None:
    heard = {(kind.TOPIC, re.sub(r"\.v\d+$", "", kind.TYPE)) for kind in subscriptions}

    known = {(topic, type_) for topic in TOPICS for type_, services in HEARS[topic].items() if service in services}

    assert known == heard
    assert {topic for topic in TOPICS if service in READERS[topic]} == {topic for topic, _ in heard}


def test_it_knows_every_event_of_a_case() -> None:
    assert set(TELLINGS) == {name for name, kind in EVENTS.items() if kind.TOPIC == "case.events.v1"}


def test_it_knows_what_every_state_waits_for() -> None:
    judged = {("handling", state.value): kinds for state, kinds in OF_HANDLINGS.items()}
    judged |= {("transfer", state.value): kinds for state, kinds in OF_TRANSFERS.items()}

    assert judged == WAITS


def test_every_rule_that_can_be_broken_has_its_sentence() -> None:
    named = {
        name
        for path in CHECKER.glob("*.py")
        for name in re.findall(r'"((?:\w+)\.(?:\w+))"', path.read_text())
        if name.split(".")[0] in FAMILIES
    }

    assert named == set(RULES)
