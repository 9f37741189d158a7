"""Supervision: cards for what ran late, and traces of refused access."""
