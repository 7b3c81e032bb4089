/*
description: What was measured of the latest run of each run date.
identifiers: {view: table, drift: table}
changes: {v1: first version}
*/
CREATE OR REPLACE VIEW `{view}` AS
SELECT
  job, run_date, run_id, variant, feature, measure, n, value, reference, threshold, is_warning, note, sql_version,
  sql_digest, measured_at
FROM `{drift}`
WHERE TRUE
QUALIFY
  run_id = FIRST_VALUE(run_id) OVER (
    -- a run's label rate comes days later and is no newer run
    PARTITION BY job, run_date ORDER BY measure = 'label_rate', measured_at DESC, run_id DESC
  )
