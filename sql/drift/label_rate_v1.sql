/*
description: |
  The mean label of a run date against that of the rows that its models were trained on. Each day of the last four weeks
  of training that has 30 rows is measured likewise: what is usual of these days, or of those on the weekday of the run,
  is no warning, nor what chance does once in a thousand times.
parameters: {as_of: TIMESTAMP, label_rate: FLOAT64}
identifiers: {examples: table, labels: table}
columns:
  variant: STRING
  feature: STRING
  measure: STRING
  n: INT64
  value: FLOAT64
  reference: FLOAT64
  threshold: FLOAT64
  is_warning: BOOL
  note: STRING
changes: {v1: first version}
*/
WITH
days AS (
  SELECT
    GREATEST(example_as_of, TIMESTAMP_SUB(@as_of, INTERVAL 29 DAY)) AS moment,
    COUNT(label) AS n,
    SUM(CAST(label AS FLOAT64)) AS total,
    SUM(POW(CAST(label AS FLOAT64), 2)) AS squares
  FROM `{examples}`
  WHERE _trains
  GROUP BY moment
  UNION ALL
  SELECT
    CAST(NULL AS TIMESTAMP) AS moment,
    COUNT(label) AS n,
    SUM(CAST(label AS FLOAT64)) AS total,
    CAST(NULL AS FLOAT64) AS squares
  FROM `{labels}`
),
trained AS (
  SELECT
    *,
    SUM(IF(moment IS NULL, 0, n)) OVER () AS m,
    SAFE_DIVIDE(SUM(IF(moment IS NULL, 0, total)) OVER (), SUM(IF(moment IS NULL, 0, n)) OVER ()) AS mean,
    SAFE_DIVIDE(SUM(squares) OVER (), SUM(IF(moment IS NULL, 0, n)) OVER ()) AS mean_square
  FROM days
),
day_distances AS (
  SELECT ABS(trained.total / trained.n - trained.mean) AS distance, scope
  FROM trained
  CROSS JOIN UNNEST(['all', 'weekday']) AS scope
  WHERE trained.moment > TIMESTAMP_SUB(@as_of, INTERVAL 29 DAY)
    AND trained.n >= 30
    AND (scope = 'all' OR MOD(CAST(ROUND(TIMESTAMP_DIFF(@as_of, trained.moment, HOUR) / 24) AS INT64), 7) = 0)
),
ordered_distances AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY scope ORDER BY distance DESC) AS place,
    COUNT(*) OVER (PARTITION BY scope) AS day_count
  FROM day_distances
),
middles AS (
  SELECT
    *,
    AVG(IF(2 * place BETWEEN day_count AND day_count + 2, distance, NULL)) OVER (PARTITION BY scope) AS middle
  FROM ordered_distances
),
deviations AS (
  SELECT
    *,
    ABS(distance - middle) AS deviation,
    ROW_NUMBER() OVER (PARTITION BY scope ORDER BY ABS(distance - middle)) AS rank_of_deviation
  FROM middles
),
-- usual: median and three scaled median absolute deviations, or what more than a tenth of the days reach
usual_of_scopes AS (
  SELECT
    scope,
    GREATEST(
      MAX(middle)
      + 3 * 1.482602218505602
      * AVG(IF(2 * rank_of_deviation BETWEEN day_count AND day_count + 2, deviation, NULL)),
      MAX(IF(place = GREATEST(1, DIV(day_count, 10)) + 1, distance, 0))
    ) AS usual
  FROM deviations
  WHERE day_count >= 3
  GROUP BY scope
),
usual_distance AS (
  SELECT COALESCE(MAX(usual), 0) AS day_distance FROM usual_of_scopes
),
measured AS (
  SELECT
    MAX(IF(moment IS NULL, n, NULL)) AS n,
    MAX(m) AS m,
    MAX(IF(moment IS NULL, SAFE_DIVIDE(total, n), NULL)) AS value,
    MAX(mean) AS mean,
    MAX(IF(moment IS NULL, ABS(SAFE_DIVIDE(total, n) - mean), NULL)) AS distance,
    (SELECT day_distance FROM usual_distance) AS day_distance,
    MAX(
      IF(
        moment IS NULL,
        3.090232306167813
        * SQRT(GREATEST(mean_square - mean * mean, 0) * (SAFE_DIVIDE(1, n) + SAFE_DIVIDE(1, m))),
        NULL
      )
    ) AS chance
  FROM trained
),
noted AS (
  SELECT
    *,
    CASE
      WHEN m = 0 THEN 'no label in the training data'
      WHEN n = 0 THEN 'no label is known'
      WHEN LEAST(n, m) < 30 THEN 'fewer than 30 rows'
      WHEN distance <= @label_rate THEN CAST(NULL AS STRING)
      WHEN distance <= 1.1 * day_distance THEN 'as on other days of the last four weeks'
      WHEN distance <= chance THEN 'within chance'
    END AS note
  FROM measured
)
SELECT
  '' AS variant,
  'label' AS feature,
  'label_rate' AS measure,
  n,
  ROUND(value, 12) AS value,
  ROUND(mean, 12) AS reference,
  @label_rate AS threshold,
  COALESCE(distance > @label_rate AND note IS NULL, FALSE) AS is_warning,
  note
FROM noted
