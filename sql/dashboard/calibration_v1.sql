/*
description: >
  Mean score and observed rate of each bin of scores, of the latest evaluation of each run date. The interval is that
  of the observed rate.
identifiers: {view: table, metrics: table, roles: table}
changes: {v1: first version}
*/
CREATE OR REPLACE VIEW `{view}` AS
WITH bins AS (
  SELECT
    job, run_date, run_id, variant, slice_value AS bin, sql_version, sql_digest,
    MAX(n) AS n,
    MAX(IF(metric = 'mean_score', value, NULL)) AS mean_score,
    MAX(IF(metric = 'base_rate', value, NULL)) AS observed_rate,
    MAX(IF(metric = 'base_rate', low, NULL)) AS low,
    MAX(IF(metric = 'base_rate', high, NULL)) AS high
  FROM `{metrics}`
  WHERE slice_name = 'score_bin' AND metric IN ('base_rate', 'mean_score')
  GROUP BY job, run_date, run_id, variant, slice_value, sql_version, sql_digest
)
SELECT
  bins.job, bins.run_date, bins.variant, COALESCE(roles.role, 'challenger') AS role, bins.bin, bins.n, bins.mean_score,
  bins.observed_rate, bins.low, bins.high, bins.sql_version, bins.sql_digest
FROM bins
LEFT JOIN `{roles}` AS roles
  ON bins.job = roles.job
    AND bins.run_date = roles.run_date
    AND bins.run_id = roles.run_id
    AND bins.variant = roles.variant
