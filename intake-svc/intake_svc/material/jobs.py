"""Work of the material room that comes due by itself."""

from __future__ import annotations

from intake_svc.context import Intake
from intake_svc.material.handlers import expire_materials

EXPIRE_EVERY = 60.0
"""Seconds between two looks for unclaimed materials."""


async def let_unclaimed_go(context: Intake) -> int:
    """Remove a batch of materials that no case claimed in time; how many went."""
    async with context.database.consume(context) as tx:
        return await expire_materials(tx)
