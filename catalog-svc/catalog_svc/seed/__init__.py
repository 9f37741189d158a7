"""The catalogue that a new installation begins with: every region, the base directory, two counties that exchange cases.

``load`` brings it in as officers would: drafted by one, published by another, through the rooms' own handlers.
"""

from catalog_svc.seed.loading import load

__all__ = ["load"]
