"""Partner: accounts of machines, their tokens, and the development clock."""
