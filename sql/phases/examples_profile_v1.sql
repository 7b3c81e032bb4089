/*
description: Counts what a run's examples hold, in one scan.
identifiers: {table: table, key: columns}
columns: {row_count: INT64, training_rows: INT64, scoring_rows: INT64, duplicate_keys: INT64, first_example: TIMESTAMP, last_example: TIMESTAMP}
changes: {v1: first version}
*/
SELECT
  SUM(key_rows) AS row_count,
  SUM(training_rows) AS training_rows,
  SUM(scoring_rows) AS scoring_rows,
  COUNTIF(key_rows > 1) AS duplicate_keys,
  MIN(first_example) AS first_example,
  MAX(last_example) AS last_example
FROM (
  SELECT
    COUNT(*) AS key_rows,
    COUNTIF(_trains) AS training_rows,
    COUNTIF(_scores) AS scoring_rows,
    MIN(example_as_of) AS first_example,
    MAX(example_as_of) AS last_example
  FROM `{table}`
  GROUP BY `{key}`
)
