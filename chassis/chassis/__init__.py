"""What every service stands on and what has nothing to do with the law."""
