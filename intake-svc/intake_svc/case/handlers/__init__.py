"""What is done with cases: received, supplemented, opened; and what is heard of their handling."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TypeVar

from chassis.context import Subscriptions
from chassis.database import Tx, lock
from chassis.learning import Difference, Lessons
from chassis.logs import get_logger
from chassis.vault import Unreadable
from contracts.caller import Caller, CallerKind
from contracts.codec import Malformed, decode, encode_object
from contracts.events import CaseEvent, CaseReceived, CaseSupplemented, Event
from contracts.refusals import NotFound, Refusal, Stale
from contracts.values import CaseId, CaseNo, Channel, JsonObject, NoticeId, RegionCode, digest
from intake_svc.application import handlers as applications
from intake_svc.application.domain import ApplicationHasDefects, File, Named, Person, SealedPerson, still_asked, tell_open
from intake_svc.application.handlers import Checked, Place, Submission
from intake_svc.case import store
from intake_svc.case.domain import Case, CaseNotFound, ChannelMismatch, Handed, Known, Receipt, SupplementEmpty, again
from intake_svc.case.texts import PERSON_LOST, SUPPLEMENT_LOST
from intake_svc.context import Intake
from intake_svc.material import handlers as material
from intake_svc.material.domain import Claim
from intake_svc.progress.domain import SHOWN
from rules import case_numbers
from rules.access import Tree, permit, tree
from rules.check import Applicant, verdict_digest
from rules.identifiers import mask_name
from rules.workdays import local_day

MOST_FOUND = 50
"""Cases shown of one person."""

_CHANNELS: Mapping[CallerKind, Channel] = MappingProxyType({CallerKind.PERSON: Channel.WEB, CallerKind.MACHINE: Channel.PARTNER})

_log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """An application whose caller may receive."""

    submission: Submission
    caller: Caller
    applicant_key: str
    channel: Channel


A = TypeVar("A")
B = TypeVar("B")


async def receive_cases(tx: Tx[Intake], handed_in: Sequence[tuple[Submission, Caller]]) -> list[Case | Refusal]:
    """Take applications in: from now on each applicant holds a number. One that is refused leaves nothing and disturbs no other.

    The refusals are `Forbidden` (the caller may not receive, or is not on duty at the window), `NoRoute` (nobody is competent or the
    places have no agreement; known before any material is taken) and `ApplicationHasDefects` (with all defects).

    Raises:
        CaseAlreadyReceived: An id names a case already; nothing of all this is kept.
        MaterialClaimed: A material was handed in for another case meanwhile; nothing of all this is kept.
    """
    asked = [_ask(tx, submission, caller=caller) for submission, caller in handed_in]
    checked = await _go_on(asked, partial(_check, tx))
    placed = await _go_on(checked, partial(_place, tx))
    await _take_numbers(tx, sum(not isinstance(one, Refusal) for one in placed))
    outcomes = [one if isinstance(one, Refusal) else _receive(tx, *one) for one in placed]
    received = [case for case in outcomes if isinstance(case, Case)]
    vault, people = tx.context.vault, {submission.case_id: submission.person for submission, _ in handed_in}
    keys = vault.first_keys(tx, [_owner(case.case_id) for case in received])
    await store.add_cases(tx, [(case, vault.seal(keys[_owner(case.case_id)], encode_object(people[case.case_id]))) for case in received])
    with store.refuse_known():
        await material.claim_materials(tx, [claim for case in received for claim in _claims(case, case.materials)])
    return outcomes


async def supplement_case(
    tx: Tx[Intake],
    no: str,
    *,
    caller: Caller,
    notice_id: NoticeId,
    form: JsonObject,
    materials: Sequence[Named],
    version: int | None = None,
) -> Case:
    """Add what a correction notice asked for; the whole application is checked again.

    Args:
        tx: Open transaction.
        no: Number or id.
        caller: The receiving organ's clerk, the applicant or a partner.
        notice_id: The notice answered.
        form: Fields that replace those of the same name; null removes one.
        materials: Replace all materials of their codes.
        version: What the caller read, when it says so.

    Raises:
        CaseNotFound: None that the caller may see.
        Stale: It was changed since the caller read it.
        SupplementNotAsked: No such notice waits.
        SupplementEmpty: Nothing was given, and something is asked for still.
        ApplicationHasDefects: What is still, or newly, wrong, and what the notice names that stands as it stood.
    """
    case = await take_case(tx, no, caller=caller, action="supplement", version=version)
    case.await_supplement(notice_id)
    receipt = case.received
    parts = applications.get_parts(tx, receipt.version_id)
    asked = still_asked(case.progress.asked, dropped=parts.dropped)
    # Whose notice asked for cancelled certificates alone answers it with nothing.
    if not form and not materials and (asked or not case.progress.asked):
        raise SupplementEmpty
    before = await open_person(tx, case)
    person = replace(before, form={name: value for name, value in {**before.form, **form}.items() if value is not None})
    # What is given stands first, so that its places are those of the request; a file that was once received twice counts once.
    held = list({(one.code, one.digest): Named(code=one.code, material_id=one.material_id) for one in case.materials}.values())
    named = [*materials, *(one for one in held if one.code not in {new.code for new in materials})]
    files = await applications.find_files(tx, named, caller=caller, held=held)
    defects = applications.find_defects(tx, parts, person=person, situation=receipt.situation, named=named, files=files)
    had = {(one.code, one.digest) for one in case.materials}
    given = {one.code for one in materials if one.material_id in files and (one.code, files[one.material_id].digest) not in had}
    defects += tell_open(asked, told=defects, before=before.form, after=person.form, supplied=given)
    if defects:
        raise ApplicationHasDefects(defects=defects)
    handed, own = _handed(named, files), {one.material_id for one in held}
    by = None if caller.kind is CallerKind.PERSON else caller.ref
    case.supplement(notice_id, form_digest=digest(person.form), materials=handed, by=by, at=tx.at)
    await store.save_cases(tx, [case], sealed=await _seal(tx, case, person))
    await material.claim_materials(tx, _claims(case, [one for one in handed if one.material_id not in own]))
    return case


async def enter_again(tx: Tx[Intake], case: Case, *, person: Person, materials: Sequence[Named], files: Mapping[str, File]) -> None:
    """Keep again what was lost with the database and is the same as was handed in; the case's lock is held.

    Raises:
        MaterialClaimed: A material was handed in for another case meanwhile.
    """
    given, receipt = _handed(materials, files), case.received
    key = tx.context.applicant_key(id_type=person.applicant.id_type, id_number=person.applicant.id_number)
    case.enter_again(replace(receipt, **_known(tx, person.applicant, key=key, case_no=receipt.case_no)), materials=given)
    await store.save_cases(tx, [case], sealed=await _seal(tx, case, person))
    await material.claim_materials(tx, _claims(case, given))


async def on_reported(tx: Tx[Intake], event: CaseEvent) -> None:
    """Show what routing or credential reported; close the case when routing has nothing more to do.

    Raises:
        CaseNotFound: Intake has no such case; the event is parked.
    """
    case = await store.get_at_hand(tx, event.case_id)
    if case is None or tx.envelope is None:
        raise CaseNotFound
    before = case.progress
    case.hear(event, position=tx.envelope.position, at=tx.at)
    if case.progress is not before:
        await store.show_case(tx, case)


SUBSCRIPTIONS: Subscriptions = MappingProxyType(dict.fromkeys(SHOWN, on_reported))
"""What is heard of the handling: all of it only changes what is shown."""


async def learn_received(tx: Tx[Intake], event: CaseReceived) -> list[Difference]:
    """The case goes on under its number; who applies and what was handed in is gone with the database."""
    case = Case(case_id=event.case_id, root_case_id=event.root_case_id)
    case.receive(Receipt.again(event), form_digest=event.form_digest, materials=again(event.materials))
    await store.add_cases(tx, [(case, b"")])
    with store.refuse_known():
        await store.pass_number(tx, case_numbers.parse(event.case_no).sequence)
    return [PERSON_LOST.about(event.case_no, organ=event.receiving_organ)]


async def learn_supplemented(tx: Tx[Intake], event: CaseSupplemented) -> list[Difference]:
    """The notice was answered; what was given is gone with the database."""
    if (case := await store.get_case(tx, event.case_id)) is not None:
        given = again(event.materials, known=case.materials)
        case.supplement(event.notice_id, form_digest=event.form_digest, materials=given, by=event.supplemented_by, at=event.at)
        await store.save_cases(tx, [case])
    return [SUPPLEMENT_LOST.about(event.case_id if case is None else case.received.case_no)]


LESSONS: Lessons = {CaseReceived: learn_received, CaseSupplemented: learn_supplemented}


async def prepare(tx: Tx[Intake], events: Sequence[Event]) -> None:
    """Have at hand the cases that a batch of events is about."""
    await store.have_at_hand(tx, {event.case_id for event in events if isinstance(event, CaseEvent)})


async def see_case(tx: Tx[Intake], no: str, *, caller: Caller, action: str = "view") -> Case:
    """A case, if the caller may act on it so.

    Raises:
        CaseNotFound: There is none, or it is hidden from this caller: both look alike.
        Forbidden: The caller may see it but not do this.
    """
    case = await store.get_case(tx, no)
    if case is None:
        raise CaseNotFound
    keys = tx.context.applicant_keys(caller)
    try:
        permit(caller, "case", action, case.row, regions=tx.context.catalogue, about=case.case_id, applicant_keys=keys)
    except NotFound as hidden:
        raise CaseNotFound from hidden
    return case


async def take_case(tx: Tx[Intake], no: str, *, caller: Caller, action: str, version: int | None) -> Case:
    """A case under its lock, if the caller may act on it so.

    Raises:
        CaseNotFound: As for `see_case`.
        Forbidden: As for `see_case`.
        Stale: It was changed since the caller read it, where the caller says what it read.
    """
    # Before the lock too: from whom it is hidden neither learns that somebody is at work on it nor holds anybody up.
    root = (await see_case(tx, no, caller=caller, action=action)).root_case_id
    await lock(tx, root)
    case = await see_case(tx, no, caller=caller, action=action)
    if version not in {None, case.version}:
        raise Stale
    return case


def rights(tx: Tx[Intake], *, caller: Caller, action: str) -> Tree:
    """The cases on which a caller may act so, as a condition for a list."""
    return tree(caller, "case", action, regions=tx.context.catalogue, applicant_keys=tx.context.applicant_keys(caller))


async def find_cases(tx: Tx[Intake], among: Tree, *, id_type: str, id_number: str) -> list[Case]:
    """The latest cases of a person, at most `MOST_FOUND`, of those that the tree lets through."""
    key = tx.context.applicant_key(id_type=id_type, id_number=id_number)
    return await store.list_cases(tx, among, applicant_key=key, limit=MOST_FOUND)


async def open_person(tx: Tx[Intake], case: Case) -> Person:
    """Who applies and what the form says.

    Raises:
        CaseNotFound: The case's key was destroyed, and this with it.
    """
    persons = await open_persons(tx, await store.get_sealed(tx, [case.case_id]))
    if case.case_id not in persons:
        raise CaseNotFound
    return persons[case.case_id]


async def get_sealed(tx: Tx[Intake], case_ids: Sequence[CaseId]) -> dict[CaseId, SealedPerson]:
    """Who applies in these cases and what the forms say, not open yet, with what access rules ask for."""
    return await store.get_sealed(tx, case_ids)


async def open_persons(tx: Tx[Intake], kept: Mapping[CaseId, SealedPerson]) -> dict[CaseId, Person]:
    """Who applies and what the form says; left out where the case's key was destroyed, and this with it."""
    vault, persons = tx.context.vault, dict[CaseId, Person]()
    keys = await vault.find_keys(tx, [_owner(case_id) for case_id in kept])
    for case_id, one in kept.items():
        if (key := keys.get(_owner(case_id))) is not None:
            try:
                persons[case_id] = decode(Person, vault.open(key, one.sealed))
            except (Unreadable, Malformed) as error:
                # One that cannot be read must not hold up the others that are asked for with it.
                _log.error("person.unreadable", key=case_id, exc_info=error)
    return persons


async def ask_progress(tx: Tx[Intake], case_no: str, *, last_six: str) -> Case:
    """A case for whoever knows its number and the end of the identity number.

    Raises:
        CaseNotFound: The same for a wrong number and for a wrong end, after the same work.
    """
    case = await store.get_case(tx, case_no)
    kept = "" if case is None else case.received.progress_key
    asked = tx.context.progress_key(CaseNo(case_no.upper()), id_number=last_six)
    if not hmac.compare_digest(kept.encode(), asked.encode()) or case is None:
        raise CaseNotFound
    return case


async def _go_on(before: Sequence[A | Refusal], act: Callable[[list[A]], Awaitable[list[B | Refusal]]]) -> list[B | Refusal]:
    """The next step for what is not refused yet, all of it together; in the same places."""
    after = iter(await act([one for one in before if not isinstance(one, Refusal)]))
    return [one if isinstance(one, Refusal) else next(after) for one in before]


def _ask(tx: Tx[Intake], submission: Submission, *, caller: Caller) -> _Asked | Refusal:
    applicant = submission.person.applicant
    key = tx.context.applicant_key(id_type=applicant.id_type, id_number=applicant.id_number)
    row = {"case_id": submission.case_id, "receiving_region": caller.region, "receiving_organ": caller.organ, "applicant_key": key}
    keys = tx.context.applicant_keys(caller)
    channel = _CHANNELS.get(caller.kind, Channel.WINDOW)
    try:
        permit(caller, "case", "receive", row, regions=tx.context.catalogue, about=submission.item_code, applicant_keys=keys)
        if submission.channel not in {None, channel}:
            raise ChannelMismatch
    except Refusal as refused:
        return refused
    return _Asked(submission=submission, caller=caller, applicant_key=key, channel=channel)


async def _check(tx: Tx[Intake], asked: Sequence[_Asked]) -> list[tuple[_Asked, Checked] | Refusal]:
    found = await applications.check_submissions(tx, [(one.submission, one.caller) for one in asked], keep=True)
    checked: list[tuple[_Asked, Checked] | Refusal] = []
    for one, what in zip(asked, found, strict=True):
        if isinstance(what, Refusal):
            checked.append(what)
        elif what.defects:
            checked.append(ApplicationHasDefects(defects=what.defects))
        else:
            lost = tx.context.lost
            repeat = applications.find_repeat(lost, one.submission, caller=one.caller, files=what.files, at=tx.at)
            checked.append(repeat or (one, what))
    return checked


async def _place(tx: Tx[Intake], checked: Sequence[tuple[_Asked, Checked]]) -> list[tuple[_Asked, Checked, Place] | Refusal]:
    places = await applications.find_places(tx, [(asked.submission, asked.caller) for asked, _ in checked])
    return [place if isinstance(place, Refusal) else (*one, place) for one, place in zip(checked, places, strict=True)]


def _receive(tx: Tx[Intake], asked: _Asked, checked: Checked, place: Place) -> Case:
    submission, applicant, route = asked.submission, asked.submission.person.applicant, checked.route
    case_no = _number(tx, place.region)
    receipt = Receipt(
        case_no=case_no,
        received_at=tx.at,
        receiving_region=place.region,
        receiving_organ=place.organ,
        window=place.window,
        channel=asked.channel,
        received_by=place.by,
        helped_by=submission.helpers,
        item_code=submission.item_code,
        version_id=route.version_id,
        situation=submission.situation,
        mode=route.mode,
        handling_region=route.handling_region,
        handling_organ=route.handling_organ,
        agreement_id=route.agreement_id,
        route_rule=route.rule,
        check_digest=verdict_digest(checked.parts, defects=()),
        matter_region=route.matter_region if route.matter_region != route.handling_region else None,
        delegations=route.delegations,
        authority=checked.authority,
        **_known(tx, applicant, key=asked.applicant_key, case_no=case_no),
    )
    case = Case(case_id=submission.case_id, root_case_id=submission.case_id)
    case.receive(receipt, form_digest=digest(submission.person.form), materials=_handed(submission.materials, checked.files))
    return case


def _known(tx: Tx[Intake], applicant: Applicant, *, key: str, case_no: CaseNo) -> Known:
    return {
        "applicant_key": key,
        "applicant_label": mask_name(applicant.name, legal=applicant.type == "legal"),
        "progress_key": tx.context.progress_key(case_no, id_number=applicant.id_number),
    }


async def _take_numbers(tx: Tx[Intake], count: int) -> None:
    """Have so many numbers in hand; the caller draws them without giving way to anybody."""
    numbers = tx.context.numbers
    while len(numbers) < count:
        numbers.extend(await store.take_numbers(tx))


def _number(tx: Tx[Intake], region: RegionCode) -> CaseNo:
    sequence = (tx.context.numbers.popleft() - 1) % case_numbers.LAST_SEQUENCE + 1
    return case_numbers.number(region=region, day=local_day(tx.at), sequence=sequence)


async def _seal(tx: Tx[Intake], case: Case, person: Person) -> bytes:
    key = await tx.context.vault.new_key(tx, _owner(case.case_id))
    return tx.context.vault.seal(key, encode_object(person))


def _handed(named: Sequence[Named], files: Mapping[str, File]) -> tuple[Handed, ...]:
    return tuple(Handed(code=one.code, material_id=one.material_id, digest=files[one.material_id].digest) for one in named)


def _claims(case: Case, materials: Sequence[Handed]) -> list[Claim]:
    """One claim per file, also where it serves two lines of the checklist."""
    return [Claim(material_id=material_id, **case.row) for material_id in dict.fromkeys(one.material_id for one in materials)]


def _owner(case_id: CaseId) -> str:
    return f"case:{case_id}"
