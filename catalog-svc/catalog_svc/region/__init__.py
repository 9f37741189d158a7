"""Regions 行政区划: codes, names, their tree, their validity and successors."""
