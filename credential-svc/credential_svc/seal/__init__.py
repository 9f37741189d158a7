"""Seals: the keys of organs, notices and decisions that wait for a seal, and the seals over them."""
