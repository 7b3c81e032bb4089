"""BigQuery: the only package that talks to it."""
