"""Reports: the windows that take an item in, the items that no window takes in or nobody asks for, the open cases of an item, what 四办 is worth."""
