"""What the user writes: job.yaml, variants, targets and code, read and checked."""
