"""办事指南: what the citizen reads and prints of an item, made from its published version each time it is asked for; there is no second copy."""
