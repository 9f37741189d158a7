"""What is done to base forms, and what versions ask of them."""

from catalog_svc.base_form import store
from catalog_svc.base_form.domain import BaseForm, BaseFormUnknown, BaseFormUnsound
from catalog_svc.context import Catalog
from catalog_svc.part.domain import form_schema_defects
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import Draft, Proposal, Proposed
from catalog_svc.region import handlers as regions
from chassis.database import Tx
from contracts.caller import Caller
from contracts.codec import decode, encode_object
from rules.forms import root_defects

KIND = "base-form"


async def propose_base_form(tx: Tx[Catalog], form: BaseForm, *, by: Caller) -> Proposed:
    """Draft a base form.

    Raises:
        BaseFormUnsound: It is wrong or hostile.
        Forbidden: Not an author of the region, or of the one that it belongs to until now.
    """
    published = await store.get_base_form(tx, form.code)
    drafted = await proposals.known_proposals(tx, [form.code], kind=KIND)
    former = [*([] if published is None else [published[0].region]), *(one.region for one in drafted.values())]
    await regions.permit_in(tx, by, aggregate="item", action="author", regions=[form.region, *former], about=form.code)
    defects = form_schema_defects(form.form) or root_defects(form.form)
    if defects:
        raise BaseFormUnsound(defects=defects)
    draft = Draft(key=form.code, region=form.region, body=encode_object(form))
    return await proposals.propose(tx, [draft], kind=KIND, by=by)


async def publish_base_form(tx: Tx[Catalog], code: str, *, by: Caller) -> list[Proposal]:
    """Let a second officer put a base form in force: versions drafted from now on have its fields, those before keep theirs.

    Raises:
        ProposalNotFound: It was never drafted.
        ReviewedByAuthor: By its author.
        Forbidden: Not a reviewer of the region, or of the one that it belongs to until now.
    """
    waiting = await proposals.waiting(tx, [code], kind=KIND)
    published = await store.get_base_form(tx, code)
    places = [*(one.region for one in waiting), *([] if published is None else [published[0].region])]
    await regions.permit_in(tx, by, aggregate="item", action="review", regions=places, about=code)
    await proposals.publish(tx, waiting, by=by)
    for one in waiting:
        await store.save_base_form(tx, decode(BaseForm, one.body))
    return waiting


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
