"""Comparisons: two versions field by field, items against their standard, and what a change would touch before it is published."""
