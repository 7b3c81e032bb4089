"""Questions about runs, models and numbers. Everything here only reads."""
