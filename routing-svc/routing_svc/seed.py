"""Accounts of machines that a system starts with; given, never made up here: a private key is its holder's alone."""

from collections.abc import Sequence

from contracts.documents import Account
from routing_svc.context import Routing
from routing_svc.partner.handlers import open_account


async def load(context: Routing, accounts: Sequence[tuple[Account, str]]) -> int:
    """Open accounts, each with the public key (PEM) that proves it; how many were new or changed."""
    opened = 0
    for account, public_pem in accounts:
        async with context.database.begin(context) as tx:
            opened += await open_account(tx, account, public_pem=public_pem)
    return opened
