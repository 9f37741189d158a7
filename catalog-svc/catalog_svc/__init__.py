"""The catalogue: regions, organs, items, agreements, calendars; answers who is competent."""
