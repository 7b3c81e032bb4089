/*
description: Counts what a run's examples hold, in one scan.
identifiers: {table: table, key: columns}
columns: {row_count: INT64, training_rows: INT64, scoring_rows: INT64, duplicate_keys: INT64}
changes: {v1: first version}
*/
SELECT
  SUM(rows_of_key) AS row_count,
  SUM(training_rows) AS training_rows,
  SUM(scoring_rows) AS scoring_rows,
  SUM(rows_of_key - 1) AS duplicate_keys
FROM (
  SELECT COUNT(*) AS rows_of_key, COUNTIF(_trains) AS training_rows, COUNTIF(_scores) AS scoring_rows
  FROM `{table}`
  GROUP BY `{key}`
)
