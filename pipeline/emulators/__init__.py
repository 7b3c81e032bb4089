"""The local target: embedded emulators of BigQuery and Cloud Storage, started, found and ended here.

`lifecycle` is what the command line calls. `bigquery_server` and what it imports run in a process of their own.
"""
