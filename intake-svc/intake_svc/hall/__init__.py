"""Halls: windows, the officers behind them, what a window takes in, and who is on duty when."""
