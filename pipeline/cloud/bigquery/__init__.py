"""BigQuery: the only package that calls it."""
