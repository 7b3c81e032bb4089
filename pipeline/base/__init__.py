"""Shared tools: dates, digests, YAML, files, progress. They know no job, no SQL and no Google client."""
