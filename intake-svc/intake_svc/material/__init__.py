"""Materials as uploaded: typed, hashed, sealed under a key of their own, claimed once by a case or gone after a day."""
