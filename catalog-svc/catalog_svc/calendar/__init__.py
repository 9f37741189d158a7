"""Calendars: which days are worked, by region and year."""
