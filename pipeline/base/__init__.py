"""What the rooms above share: dates, digests, YAML, files, progress. It knows no job, no SQL and no Google."""
