"""Search: the item people mean, by name, pinyin, initials, everyday words or with a typo, and who near them offers it."""
