/*
description: >
  Every metric of each slice, of the latest evaluation of each run date. Bins of the calibration and confusion counts
  are no slices.
identifiers: {view: table, metrics: table, roles: table}
changes: {v1: first version}
*/
CREATE OR REPLACE VIEW `{view}` AS
SELECT
  metrics.job, metrics.run_date, metrics.variant, COALESCE(roles.role, 'challenger') AS role, metrics.metric,
  metrics.slice_name, metrics.slice_value, metrics.n, metrics.value, metrics.low, metrics.high, metrics.note,
  metrics.sql_version, metrics.sql_digest
FROM `{metrics}` AS metrics
LEFT JOIN `{roles}` AS roles
  ON metrics.job = roles.job
    AND metrics.run_date = roles.run_date
    AND metrics.run_id = roles.run_id
    AND metrics.variant = roles.variant
WHERE metrics.slice_name NOT IN ('', 'score_bin', 'confusion')
