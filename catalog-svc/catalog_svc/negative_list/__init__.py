"""Negative lists 负面清单: what investors may do only under conditions, or not at all, as published by order; to be looked up, nothing rests on it."""
