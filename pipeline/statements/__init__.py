"""Every statement that the pipeline can send to BigQuery, one function each. Nothing here sends any.

`pipeline sql check` calls these same functions, so that what it analyzes is what a run sends.
"""
