"""Delegations 行政委托 and transfers of power 赋权: which organ decides in whose place, under which paper, until when."""
