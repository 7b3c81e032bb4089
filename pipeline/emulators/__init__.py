"""The local target: embedded emulators of BigQuery and Cloud Storage.

The command line starts, finds and stops them by `lifecycle`. `bigquery_server` and what it imports run in a process of
their own.
"""
