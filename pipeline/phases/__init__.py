"""The phases - preprocess, train, predict, load, evaluate - and what is made of them: whole runs, sources, the report.

Train, predict and evaluate have three layers: from data or tables, from paths, from the command line.
Preprocess and load work inside BigQuery.
"""
