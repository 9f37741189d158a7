"""Standards: what the base item, and a region's own layer under it, fix for the service items of the organs below."""
