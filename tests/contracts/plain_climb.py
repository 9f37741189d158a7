"""Whose power an item is that nobody can be asked for now, written down once more, slowly and plainly, for `plain_competence`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from contracts.catalogue import ItemVersion, VersionState
from contracts.values import RegionCode


def holds(version: ItemVersion, at: datetime) -> bool:
    """Whether an application received at an instant falls under a version."""
    if at < version.effective_from:
        return False
    if version.effective_to is not None:
        return at < version.effective_to
    return version.state is VersionState.PUBLISHED


def has_begun(version: ItemVersion, at: datetime) -> bool:
    """Whether by now there was a moment of a version; of what was taken back before it began there never is."""
    if version.effective_to is not None and version.effective_to <= version.effective_from:
        return False
    return version.effective_from <= at


def keeps_the_power(published: Sequence[ItemVersion], version: ItemVersion, there: Sequence[ItemVersion], at: datetime) -> bool:
    """Whether an organ that cannot act by a version now keeps the power all the same, so that nobody above it has it.

    It does where the version is the last word on its item there, and either is suspended, and the item stands nowhere else since, nor an
    item of the same code that took its place; or an item of another code took its place and stands. A last word that is withdrawn
    is as if the item had never been published there.
    """
    if version.state is VersionState.WITHDRAWN or not has_begun(version, at):
        return False
    for one in there:
        later = (one.effective_from, one.version, one.version_id) > (version.effective_from, version.version, version.version_id)
        if one.item_id == version.item_id and later and has_begun(one, at):
            return False
    same = [heir for heir in heirs_of(published, version.item_id, at) if heir.item_code == version.item_code]
    others = [heir for heir in heirs_of(published, version.item_id, at) if heir.item_code != version.item_code]
    if version.state is VersionState.SUSPENDED:
        speaks = speaking(published, version.item_id, at)
        elsewhere = speaks is not None and speaks.version_id != version.version_id and can_be_asked_for(speaks, at)
        if not elsewhere and not any(stands_somewhere(published, heir.item_id, at, left_out=[version.item_id]) for heir in same):
            return True
    return any(stands_somewhere(published, heir.item_id, at, left_out=[version.item_id]) for heir in others)


def heirs_of(published: Sequence[ItemVersion], item_id: str, at: datetime) -> list[ItemVersion]:
    """What has begun to take an item's place."""
    return [one for one in published if item_id in one.succeeds and has_begun(one, at)]


def speaking(published: Sequence[ItemVersion], item_id: str, at: datetime) -> ItemVersion | None:
    """The version that is the last word on an item anywhere, when what is withdrawn wipes out its own region's earlier ones."""
    line = [one for one in published if one.item_id == item_id and has_begun(one, at)]
    line.sort(key=lambda one: (one.effective_from, one.version, one.version_id), reverse=True)
    wiped_out: list[RegionCode] = []
    for one in line:
        if one.region in wiped_out:
            continue
        if one.state is not VersionState.WITHDRAWN or holds(one, at):
            return one
        wiped_out.append(one.region)
    return None


def can_be_asked_for(word: ItemVersion, at: datetime) -> bool:
    """Whether who has the last word has the power, to act by now or once the suspension is over."""
    return holds(word, at) or word.state is VersionState.SUSPENDED


def stands_somewhere(published: Sequence[ItemVersion], item_id: str, at: datetime, *, left_out: list[str]) -> bool:
    """Whether an item stands, or what took its place, and so on; no item is looked at twice on one way."""
    if item_id in left_out:
        return False
    word = speaking(published, item_id, at)
    if word is not None and can_be_asked_for(word, at):
        return True
    return any(stands_somewhere(published, heir.item_id, at, left_out=[*left_out, item_id]) for heir in heirs_of(published, item_id, at))
