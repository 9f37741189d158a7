"""Routes: who is competent, explained and signed."""
