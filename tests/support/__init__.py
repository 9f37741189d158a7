"""What every test family shares: real engines, fresh databases, the closing line."""
