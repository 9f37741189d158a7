"""The guide 导办: one question after the other until the situation is known, then what it takes."""
