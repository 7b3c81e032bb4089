"""Status: the state of run dates, and what the next `pipeline run` would do. Read-only."""
