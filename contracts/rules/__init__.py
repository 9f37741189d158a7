"""The law and the agreements as pure functions: no I/O, no clock, no framework."""
