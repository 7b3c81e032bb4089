"""Plan: which run dates would run, what BigQuery would bill for them, and the source of each number. Read-only."""
