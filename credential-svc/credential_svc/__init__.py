"""Credentials: seals, issued credentials, their status and their verification."""
