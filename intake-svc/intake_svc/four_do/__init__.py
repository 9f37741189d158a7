"""Four-do 四办: what an item declares of itself, measured by its cases."""
