/*
description: >
  Counts what a run's examples hold and how many rows fail each check, in one scan. A row without a moment, or with one
  after the run's, is unusable.
parameters: {as_of: TIMESTAMP}
identifiers: {table: table, key: columns, counted: expressions, checked: expressions}
changes: {v1: first version}
*/
SELECT
  SUM(rows_of_key) AS row_count,
  SUM(training_rows) AS training_rows,
  SUM(scoring_rows) AS scoring_rows,
  SUM(unusable_rows) AS unusable_rows,
  SUM(rows_of_key - 1) AS duplicate_keys,
  `{checked}`
FROM (
  SELECT
    COUNT(*) AS rows_of_key,
    COUNTIF(_trains) AS training_rows,
    COUNTIF(_scores) AS scoring_rows,
    COUNTIF(example_as_of IS NULL OR example_as_of > @as_of) AS unusable_rows,
    `{counted}`
  FROM `{table}`
  GROUP BY `{key}`
) AS keys
