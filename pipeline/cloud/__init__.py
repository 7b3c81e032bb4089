"""Clients of BigQuery and Cloud Storage, retries, permissions, inputs of any origin."""
