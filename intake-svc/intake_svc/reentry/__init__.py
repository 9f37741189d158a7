"""Re-entry 补录: what was lost when the database came back from a backup is entered again at the window that received it."""
