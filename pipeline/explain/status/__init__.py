"""What is done, what runs, what failed, and what the next command would do."""
