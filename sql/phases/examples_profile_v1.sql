/*
description: Counts what a run's examples hold, in one scan.
identifiers: {table: table, key: columns}
columns: {row_count: INT64, training_rows: INT64, scoring_rows: INT64, duplicate_keys: INT64}
changes: {v1: first version}
*/
SELECT
  COUNT(*) AS row_count,
  COUNTIF(_trains) AS training_rows,
  COUNTIF(_scores) AS scoring_rows,
  COUNT(*) - COUNT(DISTINCT TO_JSON_STRING(STRUCT(`{key}`))) AS duplicate_keys
FROM `{table}`
