"""Delivery 送达: the result's way into the applicant's hands."""
