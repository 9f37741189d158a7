"""Everyday words: what people call an item, and what they say for the words of the directory."""
