"""The printed code of a credential and its public verification."""
