/*
description: >
  Every overall metric of the latest evaluated run date of each job, beside the same variant's value on the evaluated
  run date before it. `better` says which way a metric improves, as the evaluation recorded it - higher, lower or
  neither.
identifiers: {view: table, metrics: table, roles: table, events: table}
changes: {v1: first version}
*/
CREATE OR REPLACE VIEW `{view}` AS
WITH dated AS (
  SELECT
    job, run_date, run_id, variant, metric, n, value, low, high, note, sql_version, sql_digest, evaluated_at,
    DENSE_RANK() OVER (PARTITION BY job ORDER BY run_date DESC) AS age
  FROM `{metrics}`
  WHERE slice_name = ''
),
directions AS (
  SELECT events.job, JSON_VALUE(each, '$.metric') AS metric, JSON_VALUE(each, '$.better') AS better
  FROM `{events}` AS events, UNNEST(JSON_QUERY_ARRAY(events.details, '$.metrics')) AS each
  WHERE events.event = 'evaluated'
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY events.job, JSON_VALUE(each, '$.metric') ORDER BY events.run_date DESC, events.recorded_at DESC
    ) = 1
)
SELECT
  latest.job, latest.run_date, latest.variant, COALESCE(roles.role, 'challenger') AS role, latest.metric,
  COALESCE(directions.better, 'neither') AS better,
  latest.n, latest.value, latest.low, latest.high, latest.note,
  previous.run_date AS previous_run_date, previous.value AS previous_value, latest.value - previous.value AS change,
  latest.sql_version, latest.sql_digest, latest.evaluated_at
FROM dated AS latest
LEFT JOIN dated AS previous
  ON previous.age = 2
    AND latest.job = previous.job
    AND latest.variant = previous.variant
    AND latest.metric = previous.metric
LEFT JOIN `{roles}` AS roles
  ON latest.job = roles.job
    AND latest.run_date = roles.run_date
    AND latest.run_id = roles.run_id
    AND latest.variant = roles.variant
LEFT JOIN directions
  ON latest.job = directions.job AND latest.metric = directions.metric
WHERE latest.age = 1
