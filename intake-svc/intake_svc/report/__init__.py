"""Reports: the windows that take an item in, the items that no window takes in, the items that nobody asks for."""
