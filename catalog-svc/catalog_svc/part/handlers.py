"""What versions do with their parts."""

from collections.abc import Mapping, Sequence

from catalog_svc.context import Catalog
from catalog_svc.part import store
from chassis.database import Tx, lock
from contracts.catalogue import Part
from contracts.values import Digest, ItemCode


async def keep_parts(tx: Tx[Catalog], parts: Mapping[Digest, Part]) -> None:
    """Keep the parts of a draft; equal ones are kept once."""
    await store.add_parts(tx, parts)


async def get_parts(tx: Tx[Catalog], digests: Sequence[Digest]) -> dict[Digest, Part]:
    """The parts under these digests.

    Raises:
        NotFound: One is not there.
    """
    return await store.get_parts(tx, digests)


async def checklists_asking(tx: Tx[Catalog], certificate_id: str) -> list[Digest]:
    """The checklists with a material that names this row of the certificate list."""
    return await store.find_checklists(tx, certificate_id)


async def bundles(tx: Tx[Catalog]) -> dict[Digest, list[ItemCode]]:
    """The decision tables of bundles with the base codes of their members."""
    return await store.find_bundles(tx)


async def publish_parts(tx: Tx[Catalog], digests: Sequence[Digest]) -> None:
    """Put the parts of a version on their topic, before the version itself."""
    await lock(tx, *digests)
    await store.publish_parts(tx, digests)
