"""Cloud Storage: the only package that calls it."""
