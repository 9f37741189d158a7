"""Status lists: one published place per credential that says whether it holds."""
