"""Intake: the case as it was received, its materials, its mandate, the halls."""
