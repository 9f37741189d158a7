"""Forgetting searches in vain that nobody made for a while."""

from catalog_svc.context import Catalog
from catalog_svc.search import store
from catalog_svc.search.domain import ASKED_AT_LEAST, KEPT_FOR, SELDOM_KEPT_FOR

FORGET_EVERY = 3600.0


async def forget_misses(context: Catalog) -> int:
    """Drop the old ones; nothing is left after one round."""
    async with context.database.begin(context) as tx:
        await store.forget_misses(tx, before=tx.at - KEPT_FOR)
        await store.forget_misses(tx, before=tx.at - SELDOM_KEPT_FOR, below=ASKED_AT_LEAST)
    return 0
