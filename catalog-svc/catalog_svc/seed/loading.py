"""Bringing the seed in: through the handlers, in the order in which things name each other, in short transactions.

What is there already with the same content stays as it is, so a run that was cut off is simply run again. What people have written, changed
or taken back since stays theirs, and what a rule refuses stays out: both are told, neither stops the run.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy.exc import DBAPIError

from catalog_svc.agreement import handlers as agreements
from catalog_svc.base_form import handlers as base_forms
from catalog_svc.base_form.domain import BaseForm
from catalog_svc.base_item import handlers as base_items
from catalog_svc.base_item.domain import BaseItem
from catalog_svc.calendar import handlers as calendars
from catalog_svc.certificate import handlers as certificates
from catalog_svc.context import Catalog
from catalog_svc.item import handlers as items
from catalog_svc.item.domain import ItemVersionRecord, ItemVersionState, umbrella_id
from catalog_svc.negative_list import handlers as negative_lists
from catalog_svc.negative_list.domain import Edition
from catalog_svc.organ import handlers as organs
from catalog_svc.power import handlers as powers
from catalog_svc.power.domain import Power
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import Draft, Proposal, Proposed
from catalog_svc.region import handlers as regions
from catalog_svc.seed.leaving import CHANGED, GIVEN_UP, TAKEN_BACK, Left
from catalog_svc.seed.reading import OfferedItem, Seed
from catalog_svc.word import handlers as words
from catalog_svc.word.domain import Word
from chassis.database import Tx, is_transient, lock, outlived
from contracts.caller import Caller, CallerKind, Role
from contracts.catalogue import Agreement, CalendarYear, Organ, Region
from contracts.certificates import Certificate
from contracts.codec import encode_object
from contracts.refusals import Refusal, Unavailable
from contracts.values import NATION, PersonRef, RegionCode, person_ref

ISSUER = "seed"
AT_ONCE = 200
"""Documents of one transaction."""
FEW = 6
"""Items of one transaction."""
TRIES = 6
PAUSE = 1.0
"""Seconds before what a deadlock or a lock of somebody else undid is done again: all tries together outlive any one transaction."""

_LEVELS = ("nation", "province", "city", "county", "town", "village")
_STANDING = frozenset({ItemVersionState.DRAFT, ItemVersionState.REVIEWED, ItemVersionState.PUBLISHED})
"""A version of the seed's in any other state was suspended, taken back or followed by somebody: the seed does none of these."""

T = TypeVar("T")
Propose = Callable[..., Awaitable[Proposed]]
Publish = Callable[..., Awaitable[list[Proposal]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Room(Generic[T]):
    """Where documents of one kind go."""

    kind: str
    key: Callable[[T], str]
    propose: Propose
    publish: Publish
    first: str | None = None
    """What a publication locks before its documents; a draft and its publication are one transaction here and lock in that order too."""


_REGIONS: _Room[Region] = _Room(
    kind=regions.KIND, key=lambda one: one.code, propose=regions.propose_regions, publish=regions.publish_regions, first=regions.TREE
)
_BASE_ITEMS: _Room[BaseItem] = _Room(
    kind=base_items.KIND, key=lambda one: one.code, propose=base_items.propose_base_items, publish=base_items.publish_base_items
)
_ORGANS: _Room[Organ] = _Room(kind=organs.KIND, key=lambda one: one.code, propose=organs.propose_organs, publish=organs.publish_organs)
_CALENDARS: _Room[CalendarYear] = _Room(
    kind=calendars.KIND,
    key=lambda one: calendars.key_of(region=one.region, year=one.year),
    propose=calendars.propose_calendars,
    publish=calendars.publish_calendars,
)
_CERTIFICATES: _Room[Certificate] = _Room(
    kind=certificates.KIND,
    key=lambda one: one.certificate_id,
    propose=certificates.propose_certificates,
    publish=certificates.publish_certificates,
)
_NEGATIVE_LISTS: _Room[Edition] = _Room(
    kind=negative_lists.KIND,
    key=lambda one: one.edition_id,
    propose=negative_lists.propose_editions,
    publish=negative_lists.publish_editions,
)
_POWERS: _Room[Power] = _Room(kind=powers.KIND, key=lambda one: one.key, propose=powers.propose_powers, publish=powers.publish_powers)
_AGREEMENTS: _Room[Agreement] = _Room(
    kind=agreements.KIND,
    key=lambda one: one.agreement_id,
    propose=agreements.propose_agreements,
    publish=agreements.publish_agreements,
)


async def load(context: Catalog, progress: Callable[[str], None], *, seed: Seed | None = None) -> bool:
    """Bring the seed in, unless just this content was brought in before.

    Args:
        context: The running catalogue, or one with an open database.
        progress: Told what is being done, and at the end what was left as it is, in a line each.
        seed: Other files than the package's own.

    Returns:
        False when there was nothing to do.

    Raises:
        Unavailable: The database is not there; run again, it goes on where it stopped.
    """
    files = seed or Seed()
    mark = Draft(key="catalog", region=NATION, body={"digest": files.digest()})
    author, reviewer = nation = _officers(NATION)
    async with context.database.read(context) as tx:
        if await proposals.is_published(tx, mark, kind="seed"):
            return False
    left = Left()
    every = files.regions()
    progress(f"regions 行政区划: {len(every)}")
    # Parents before children, what is in force before what names it as its successor.
    every.sort(key=lambda one: (one.valid_to is not None, _LEVELS.index(one.level)))
    current = sum(one.valid_to is None for one in every)
    for first in range(0, current, AT_ONCE):
        await _bring(context, every[first : min(first + AT_ONCE, current)], _REGIONS, by=nation, left=left)
    await _bring(context, every[current:], _REGIONS, by=nation, left=left)
    progress(f"base items 基本目录: {len(files.base_items())}")
    await _bring(context, files.base_items(), _BASE_ITEMS, by=nation, left=left)
    await _add_words(context, files.words(), by=author, left=left)
    await _bring(context, files.organs(), _ORGANS, by=nation, left=left)
    await _bring(context, files.calendars(), _CALENDARS, by=nation, left=left)
    await _bring(context, files.certificates(), _CERTIFICATES, by=nation, left=left)
    await _bring(context, files.negative_lists(), _NEGATIVE_LISTS, by=nation, left=left)
    await _bring(context, files.powers(), _POWERS, by=nation, left=left)
    for form in files.base_forms():
        await _bring(context, [form], _BASE_FORMS, by=nation, left=left)
    progress(f"service items 实施清单: {len(files.items)}")
    for region in sorted({one.region for one in files.items}):
        offered = [one for one in files.items if one.region == region]
        bundles = [one for one in offered if one.draft.parts.situations.bundle is not None]
        begins = await _offer(context, [one for one in offered if one not in bundles], region=region, left=left)
        # A bundle is drafted with what its members in force ask for; what takes another version's place is in force some seconds later.
        if bundles and begins is not None and (wait := (begins - context.now.now()).total_seconds()) > 0:
            progress(f"items in force 事项生效: {wait:.0f} s")
            await asyncio.sleep(wait)
        await _offer(context, bundles, region=region, left=left)
    await _bring(context, files.agreements(), _AGREEMENTS, by=nation, left=left)
    async with context.database.begin(context) as tx:
        if (await proposals.propose(tx, [mark], kind="seed", by=author)).waiting:
            await proposals.publish(tx, await proposals.waiting(tx, [mark.key], kind="seed"), by=reviewer)
    for line in left.lines():
        progress(line)
    progress("catalogue 事项目录: ready")
    return True


async def _bring(context: Catalog, documents: Sequence[T], room: _Room[T], *, by: tuple[Caller, Caller], left: Left) -> None:
    author, reviewer = by

    async def act(tx: Tx[Catalog], some: Sequence[T]) -> None:
        if room.first is not None:
            await lock(tx, room.first)
        given = {room.key(one): encode_object(one) for one in some}
        theirs = await proposals.changed_by_others(tx, given, kind=room.kind, than=_US)
        left.note(room.kind, CHANGED, *sorted(theirs))
        ours = [one for one in some if room.key(one) not in theirs]
        if ours and (proposed := await room.propose(tx, ours, by=author)).waiting:
            await room.publish(tx, proposed.waiting, by=reviewer)

    await _in_parts(context, documents, act, refused=lambda one, rule: left.note(room.kind, rule, room.key(one)))


async def _add_words(context: Catalog, given: Sequence[Word], *, by: Caller, left: Left) -> None:
    async def act(tx: Tx[Catalog], some: Sequence[Word]) -> None:
        given_up = await words.given_up(tx, some)
        left.note(words.KIND, GIVEN_UP, *sorted(one.word for one in given_up))
        await words.add_words(tx, [one for one in some if one not in given_up], by=by)

    await _in_parts(context, given, act, refused=lambda one, rule: left.note(words.KIND, rule, one.word))


async def _offer(context: Catalog, offered: Sequence[OfferedItem], *, region: RegionCode, left: Left) -> datetime | None:
    """Bring items in; the instant from which all of them are in force."""
    begins: list[datetime] = []
    author, reviewer = _officers(region)

    async def act(tx: Tx[Catalog], some: Sequence[OfferedItem]) -> None:
        for one in await _ours(tx, some, left=left):
            record, _ = await items.draft_version(tx, one.draft, by=author)
            await _publish(tx, record, by=reviewer)
            begins.extend([] if record.effective_from is None else [record.effective_from])

    # A few at a time: shared parts are locked, and no transaction may live long.
    for first in range(0, len(offered), FEW):
        await _in_parts(context, offered[first : first + FEW], act, refused=lambda one, rule: left.note("service-item", rule, _id_of(one)))
    return max(begins, default=None)


async def _ours(tx: Tx[Catalog], offered: Sequence[OfferedItem], *, left: Left) -> list[OfferedItem]:
    """Those of these items that nobody has, or whose newest version is the seed's and stands."""
    pairs = {(one.draft.content.organ, one.draft.content.item_code) for one in offered}
    known = await items.items_of(tx, pairs)
    ids = {pair: known.get(pair) or umbrella_id(organ=pair[0], item_code=pair[1]) for pair in pairs}
    await lock(tx, *ids.values())
    versions = await items.versions_of(tx, ids.values())
    found: list[OfferedItem] = []
    for one in offered:
        record = next(iter(versions.get(ids[one.draft.content.organ, one.draft.content.item_code], ())), None)
        if record is None or (_is_us(record.author) and _is_us(record.reviewer) and record.state in _STANDING):
            found.append(one)
        else:
            left.note("service-item", CHANGED if record.state in _STANDING else TAKEN_BACK, record.version_id)
    return found


async def _publish(tx: Tx[Catalog], record: ItemVersionRecord, *, by: Caller) -> None:
    if record.state is ItemVersionState.DRAFT:
        await items.review_version(tx, record.version_id, by=by)
    if record.state in {ItemVersionState.DRAFT, ItemVersionState.REVIEWED}:
        published = await items.publish_version(tx, record.version_id, effective_from=None, by=by, at_once=True)
        record.effective_from = published.effective_from


async def _propose_base_forms(tx: Tx[Catalog], forms: Sequence[BaseForm], *, by: Caller) -> Proposed:
    proposed = [await base_forms.propose_base_form(tx, form, by=by) for form in forms]
    return Proposed(
        proposals={key: one for few in proposed for key, one in few.proposals.items()},
        changed=frozenset(key for few in proposed for key in few.changed),
    )


async def _publish_base_forms(tx: Tx[Catalog], codes: Sequence[str], *, by: Caller) -> list[Proposal]:
    return [one for code in codes for one in await base_forms.publish_base_form(tx, code, by=by)]


_BASE_FORMS: _Room[BaseForm] = _Room(
    kind=base_forms.KIND, key=lambda one: one.code, propose=_propose_base_forms, publish=_publish_base_forms
)


async def _in_parts(
    context: Catalog,
    given: Sequence[T],
    act: Callable[[Tx[Catalog], Sequence[T]], Awaitable[None]],
    *,
    refused: Callable[[T, str], None],
) -> None:
    """Bring all in with one transaction; where a rule refuses that, each with its own.

    They may name each other, so what is refused is tried again as long as others come in meanwhile.

    Raises:
        Unavailable: The database is not there.
    """
    left = [] if await _try(context, given, act) is None else [*given]
    while left:
        why = [(one, await _try(context, [one], act)) for one in left]
        still = [one for one, rule in why if rule is not None]
        if len(still) == len(left):
            for one, rule in why:
                refused(one, rule or "")
            return
        left = still


async def _try(context: Catalog, given: Sequence[T], act: Callable[[Tx[Catalog], Sequence[T]], Awaitable[None]]) -> str | None:
    """The rule that refused it, or None; what somebody else was in the way of is done again."""
    for tries in itertools.count(1):
        try:
            async with context.database.begin(context) as tx:
                await act(tx, given)
        except Unavailable:
            raise
        except Refusal as no:
            return no.RULE
        except DBAPIError as error:
            if tries >= TRIES or not is_transient(error) or outlived(error):
                raise
            await asyncio.sleep(PAUSE)
        else:
            break
    return None


def _is_us(who: PersonRef | None) -> bool:
    return who is None or who.startswith(_US)


def _id_of(offered: OfferedItem) -> str:
    return umbrella_id(organ=offered.draft.content.organ, item_code=offered.draft.content.item_code)


def _officers(region: RegionCode) -> tuple[Caller, Caller]:
    author, reviewer = (
        Caller(kind=CallerKind.STAFF, issuer=ISSUER, account=f"{part}-{region}", roles=frozenset({role}), region=region)
        for part, role in (("author", Role.CATALOGUE_AUTHOR), ("reviewer", Role.CATALOGUE_REVIEWER))
    )
    return author, reviewer


_US = person_ref(issuer=ISSUER, account="")
"""How the seed's officers are named, without their accounts."""
