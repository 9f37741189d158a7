"""Proposals: one document of the catalogue, drafted by one officer and published by another."""
