"""Handling 办理: every legal state of a case, one per case."""
