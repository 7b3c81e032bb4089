"""The five phases of a run, and the modules that call several of them: run, catch_up and backfill.

Train, predict and evaluate have three layers: from data or tables, from paths, and for a run. Preprocess and load work
inside BigQuery.
"""
