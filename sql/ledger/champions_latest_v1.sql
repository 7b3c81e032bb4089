/*
description: >
  The champion of each job for each span of run dates. The latest decision for a run date holds; the first champion also
  stands for the run dates before it, so that a backfill of older dates has readers too.
identifiers: {view: table, champions: table}
changes: {v1: first version}
*/
CREATE OR REPLACE VIEW `{view}` AS
WITH latest AS (
  SELECT job, variant, from_run_date, decided_at, reason
  FROM `{champions}`
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY job, from_run_date ORDER BY decided_at DESC, variant ASC) = 1
)
SELECT
  job,
  variant,
  from_run_date,
  IF(
    ROW_NUMBER() OVER (PARTITION BY job ORDER BY from_run_date) = 1, DATE '0001-01-01', from_run_date
  ) AS holds_from,
  COALESCE(
    LEAD(from_run_date) OVER (PARTITION BY job ORDER BY from_run_date), DATE '9999-12-31'
  ) AS holds_until,
  decided_at,
  reason
FROM latest
