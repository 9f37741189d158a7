"""What is done to base forms, and what versions ask of them."""

from collections.abc import Sequence

from catalog_svc.base_form import store
from catalog_svc.base_form.domain import BaseForm, BaseFormUnknown, BaseFormUnsound
from catalog_svc.context import Catalog
from catalog_svc.part.domain import base_form_defects
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import Draft, Proposal, Proposed
from catalog_svc.region import handlers as regions
from chassis.database import Tx
from contracts.caller import Caller
from contracts.codec import encode_object
from contracts.values import RegionCode

KIND = "base-form"


async def _places(_tx: Tx[Catalog], forms: Sequence[BaseForm]) -> list[RegionCode]:
    return [form.region for form in forms]


async def _held(tx: Tx[Catalog], codes: Sequence[str]) -> list[RegionCode]:
    found = [await find_base_form(tx, code) for code in codes]
    return [form.region for form in found if form is not None]


DOCUMENTS = proposals.Documents(kind=KIND, aggregate="item", of=BaseForm, permit=regions.permit_in, places=_places, held=_held)
"""Base forms under four eyes: written for their region."""


async def propose_base_form(tx: Tx[Catalog], form: BaseForm, *, by: Caller, over: int | None = None) -> Proposed:
    """Draft a base form.

    Raises:
        BaseFormUnsound: It is wrong or hostile.
        Forbidden: Not an author of the region, or of the one that it belongs to until now.
    """
    await proposals.permit_authors(tx, DOCUMENTS, [form], keys=[form.code], by=by)
    if defects := base_form_defects(form.form):
        raise BaseFormUnsound(defects=defects)
    draft = Draft(key=form.code, region=form.region, body=encode_object(form))
    return await proposals.propose(tx, [draft], kind=KIND, by=by, over=over)


async def publish_base_form(tx: Tx[Catalog], code: str, *, by: Caller, version: int | None = None) -> list[Proposal]:
    """Let a second officer put a base form in force: versions drafted from now on have its fields, those before keep theirs.

    Raises:
        ProposalNotFound: It was never drafted.
        Stale: It is not what the officer has read; ``version`` is that draft's.
        ReviewedByAuthor: By its author.
        Forbidden: Not a reviewer of the region, or of the one that it belongs to until now.
    """
    reviewed = await proposals.review(tx, DOCUMENTS, [code], by=by, version=version)
    for _, form in reviewed:
        await store.save_base_form(tx, form)
    return [proposal for proposal, _ in reviewed]


async def find_base_form(tx: Tx[Catalog], code: str) -> BaseForm | None:
    """A base form, if there is one."""
    found = await store.get_base_form(tx, code)
    return None if found is None else found[0]


async def get_base_form(tx: Tx[Catalog], code: str) -> tuple[BaseForm, int]:
    """A base form with the version of its row.

    Raises:
        BaseFormUnknown: There is none.
    """
    found = await store.get_base_form(tx, code)
    if found is None:
        raise BaseFormUnknown
    return found
