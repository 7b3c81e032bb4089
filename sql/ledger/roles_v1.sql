/*
description: >
  The role of each published variant in its run - `champion` where consumers read it for that run date, else `baseline`
  or `challenger`. A variant that was published before roles were recorded counts as a challenger.
identifiers: {view: table, events: table, champions: table}
changes: {v1: first version}
*/
CREATE OR REPLACE VIEW `{view}` AS
WITH published AS (
  SELECT job, run_date, run_id, variant, MAX(JSON_VALUE(details, '$.role')) AS kind
  FROM `{events}`
  WHERE event = 'published'
  GROUP BY job, run_date, run_id, variant
)
SELECT
  published.job, published.run_date, published.run_id, published.variant,
  CASE
    WHEN champions.variant IS NOT NULL THEN 'champion'
    WHEN published.kind = 'baseline' THEN 'baseline'
    ELSE 'challenger'
  END AS role
FROM published
LEFT JOIN `{champions}` AS champions
  ON published.job = champions.job
    AND published.variant = champions.variant
    AND published.run_date >= champions.holds_from
    AND published.run_date < champions.holds_until
