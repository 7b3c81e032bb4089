"""The command line inside Cloud Run: tasks, log entries, attempts."""
