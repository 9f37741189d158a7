"""The guide as content and as a page."""
