"""Clock: a limit of law, promise or agreement that runs over working days and explains itself."""
