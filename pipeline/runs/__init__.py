"""One run date: identity, claim, the layout of its files and tables, and what it has left so far."""
