"""Enquiries: a person's cases by the clerk who has the person in front, one case by whoever holds its slip."""
