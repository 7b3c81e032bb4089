"""Cloud Storage: the only package that talks to it."""
