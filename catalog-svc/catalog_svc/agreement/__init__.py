"""Agreements 通办协议: which regions receive for which, what, how, and until when."""
