"""A batch machine-learning pipeline on BigQuery and Cloud Storage."""

__version__ = "0.1.0"

ENGINE_CONTRACT = 1
"""Number of the contract between engine and runs: raised when the engine changes what predictions are."""
