"""Credentials 电子证照: issued with the seal of a decision, suspended, revoked."""
