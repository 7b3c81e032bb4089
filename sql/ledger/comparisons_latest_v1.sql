/*
description: Champion beside challenger in the latest evaluation of each run date.
identifiers: {view: table, comparisons: table}
changes: {v1: first version}
*/
CREATE OR REPLACE VIEW `{view}` AS
SELECT
  job, run_date, run_id, evaluation_id, champion, challenger, metric, n, champion_value, challenger_value, difference,
  sql_version, sql_digest, evaluated_at
FROM `{comparisons}`
WHERE TRUE
QUALIFY
  DENSE_RANK() OVER (PARTITION BY job, run_date ORDER BY evaluated_at DESC, evaluation_id DESC) = 1
