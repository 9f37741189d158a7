"""Routing: transfers, handlings and their clocks; owns every legal state."""
