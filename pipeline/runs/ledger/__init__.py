"""The ledger: append-only tables of what happened."""
