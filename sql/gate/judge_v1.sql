/*
description: >
  What the gate says of each run date that it has not judged yet, for every challenger of a champion. A gain is the
  difference of the metric in the direction of better; a day counts when it is defined. The days of a challenger beside
  the present champion are cut into windows of @min_days, one after the other, beginning after the last window that was
  judged; days that come in before one that was judged do not count any more. The day that fills a window decides: the
  mean gain less @quantile standard errors must exceed @min_gain, and the mean loss of no guard rail may exceed its
  tolerance; the metric itself is one of them. After @max_windows windows a challenger is judged no more. On the first
  day on which some pass, the one with the largest gain is promoted, and later days wait: a promotion comes first.
parameters:
  jobs: [STRING]
  first_date: DATE
  last_date: DATE
  challengers: [STRING]
  metric: STRING
  sign: FLOAT64
  min_gain: FLOAT64
  min_days: INT64
  max_windows: INT64
  quantile: FLOAT64
  guard_rails: [{metric: STRING, sign: FLOAT64, tolerance: FLOAT64}]
identifiers: {comparisons: table, champions: table, verdicts: table}
columns:
  job: STRING
  run_date: DATE
  champion: STRING
  challenger: STRING
  verdict: STRING
  cause: STRING
  n: INT64
  needed_n: INT64
  difference: FLOAT64
  low: FLOAT64
  high: FLOAT64
  window_number: INT64
  broken: STRING
  other: STRING
  other_from: DATE
changes: {v1: first version}
*/
WITH
spans AS (
  SELECT
    job, variant, from_run_date, holds_from, holds_until,
    FIRST_VALUE(variant) OVER (PARTITION BY job ORDER BY from_run_date DESC) AS last_variant
  FROM `{champions}`
  WHERE job IN UNNEST(@jobs)
),
others AS (
  SELECT job, MAX(from_run_date) AS from_run_date
  FROM spans
  WHERE variant != last_variant
  GROUP BY job
),
reigns AS (
  SELECT
    s.job, s.variant, s.holds_from, s.holds_until, s.last_variant,
    o.from_run_date IS NULL OR s.from_run_date > o.from_run_date AS is_present,
    MIN(IF(o.from_run_date IS NULL OR s.from_run_date > o.from_run_date, s.from_run_date, NULL)) OVER (
      PARTITION BY s.job
    ) AS last_from
  FROM spans AS s
  LEFT JOIN others AS o
    ON s.job = o.job
),
judged AS (
  SELECT
    job, champion, challenger, run_date,
    LOGICAL_OR(difference IS NOT NULL) AS closes,
    LOGICAL_AND(verdict = 'too-few-labels') AS counts
  FROM `{verdicts}`
  WHERE job IN UNNEST(@jobs)
    AND run_date >= @first_date  -- later ones, too: of days before them, only those that were judged count any more
    AND challenger IS NOT NULL
    AND (verdict IN ('keep', 'too-few-labels') OR difference IS NOT NULL)
  GROUP BY job, champion, challenger, run_date
),
lives AS (
  SELECT
    job, champion, challenger,
    COUNTIF(closes) AS used,
    MAX(IF(closes, run_date, NULL)) AS closed_on,
    MAX(run_date) AS judged_until
  FROM judged
  GROUP BY job, champion, challenger
),
compared AS (
  SELECT job, run_date, champion, challenger, metric, difference
  FROM `{comparisons}`
  WHERE job IN UNNEST(@jobs)
    AND run_date BETWEEN @first_date AND @last_date
    AND challenger IN UNNEST(@challengers)
),
days AS (
  SELECT
    c.job, c.run_date, c.champion, c.challenger,
    @sign * c.difference AS gain,
    r.is_present, r.last_variant, r.last_from,
    j.run_date IS NULL AS is_pending,
    COALESCE(l.used, 0) AS used
  FROM compared AS c
  INNER JOIN reigns AS r
    ON c.job = r.job AND c.champion = r.variant AND c.run_date >= r.holds_from AND c.run_date < r.holds_until
  LEFT JOIN judged AS j
    ON c.job = j.job AND c.champion = j.champion AND c.challenger = j.challenger AND c.run_date = j.run_date
  LEFT JOIN lives AS l
    ON c.job = l.job AND c.champion = l.champion AND c.challenger = l.challenger
  WHERE c.metric = @metric
    AND (l.closed_on IS NULL OR c.run_date > l.closed_on)
    AND (j.counts OR l.judged_until IS NULL OR c.run_date > l.judged_until)
),
placed AS (
  SELECT
    job, run_date, champion, challenger, gain, is_pending, used,
    GREATEST(@min_days - COUNT(IF(is_pending, NULL, gain)) OVER life, 1) AS wanted,
    COUNT(IF(is_pending, gain, NULL)) OVER (life ORDER BY run_date) + IF(gain IS NULL, 1, 0) AS place
  FROM days
  WHERE is_present
  WINDOW life AS (PARTITION BY job, champion, challenger)
),
numbered AS (
  SELECT
    job, run_date, champion, challenger, gain, is_pending,
    used + IF(
      NOT is_pending OR place <= wanted, 1, 2 + CAST(FLOOR((place - wanted - 1) / @min_days) AS INT64)
    ) AS window_number
  FROM placed
),
windows AS (
  SELECT
    job, champion, challenger, window_number,
    MAX(IF(gain IS NULL, NULL, run_date)) AS closes_on,
    COUNT(gain) AS n,
    AVG(gain) AS difference,
    @quantile * STDDEV_SAMP(gain) / SQRT(COUNT(gain)) AS margin
  FROM numbered
  GROUP BY job, champion, challenger, window_number
  HAVING COUNT(gain) >= @min_days AND window_number <= @max_windows AND LOGICAL_OR(is_pending AND gain IS NOT NULL)
),
losses AS (
  SELECT
    w.job, w.champion, w.challenger, w.window_number, rail.metric,
    AVG(-rail.sign * c.difference) AS loss,
    ANY_VALUE(rail.tolerance) AS tolerance
  FROM windows AS w
  INNER JOIN numbered AS d
    ON w.job = d.job AND w.champion = d.champion AND w.challenger = d.challenger
      AND w.window_number = d.window_number AND d.gain IS NOT NULL
  CROSS JOIN UNNEST(@guard_rails) AS rail
  LEFT JOIN compared AS c
    ON d.job = c.job AND d.champion = c.champion AND d.challenger = c.challenger AND d.run_date = c.run_date
      AND rail.metric = c.metric
  GROUP BY w.job, w.champion, w.challenger, w.window_number, rail.metric
),
broken AS (
  SELECT job, champion, challenger, window_number, STRING_AGG(metric, ', ' ORDER BY metric) AS metrics
  FROM losses
  WHERE loss IS NULL OR loss > tolerance
  GROUP BY job, champion, challenger, window_number
),
tested AS (
  SELECT
    w.job, w.champion, w.challenger, w.window_number, w.closes_on, w.n, w.difference, w.margin,
    b.metrics AS broken,
    w.difference - w.margin > @min_gain AS gains,
    w.difference - w.margin > @min_gain AND b.metrics IS NULL AS passes
  FROM windows AS w
  LEFT JOIN broken AS b
    ON w.job = b.job AND w.champion = b.champion AND w.challenger = b.challenger AND w.window_number = b.window_number
),
ranked AS (
  SELECT
    *,
    MIN(IF(passes, closes_on, NULL)) OVER (PARTITION BY job) AS decided_on,
    FIRST_VALUE(challenger) OVER (
      PARTITION BY job, closes_on ORDER BY IF(passes, 0, 1) ASC, difference DESC, challenger ASC
    ) AS best
  FROM tested
),
decided AS (
  SELECT job, MIN(decided_on) AS decided_on
  FROM ranked
  GROUP BY job
),
verdicts AS (
  SELECT
    d.job, d.run_date, d.champion, d.challenger, d.window_number, d.gain,
    COUNT(d.gain) OVER (
      PARTITION BY d.job, d.champion, d.challenger, d.window_number ORDER BY d.run_date
    ) AS days_so_far,
    d.is_pending, r.closes_on IS NOT NULL AS closes,
    r.n, r.difference, r.margin, r.broken, r.gains, r.passes, r.best, decided.decided_on
  FROM numbered AS d
  LEFT JOIN ranked AS r
    ON d.job = r.job AND d.champion = r.champion AND d.challenger = r.challenger
      AND d.window_number = r.window_number AND d.run_date = r.closes_on
  LEFT JOIN decided
    ON d.job = decided.job
),
caused AS (
  SELECT
    *,
    CASE
      WHEN window_number > @max_windows THEN 'windows-used-up'
      WHEN closes AND passes AND challenger = best THEN 'better'
      WHEN closes AND passes THEN 'rival'
      WHEN closes AND gains THEN 'guard-rails'
      WHEN closes THEN 'not-shown'
      WHEN gain IS NULL THEN 'undefined'
      ELSE 'window-open'
    END AS cause
  FROM verdicts
  WHERE is_pending AND (decided_on IS NULL OR run_date <= decided_on)
)
SELECT
  job, run_date, champion, challenger,
  CASE
    WHEN cause = 'better' THEN 'promote'
    WHEN cause IN ('undefined', 'window-open') THEN 'too-few-labels'
    ELSE 'keep'
  END AS verdict,
  cause,
  IF(cause = 'windows-used-up', NULL, COALESCE(n, days_so_far)) AS n,
  IF(cause IN ('undefined', 'window-open'), @min_days, NULL) AS needed_n,
  difference,
  difference - margin AS low,
  difference + margin AS high,
  window_number,
  IF(cause = 'guard-rails', broken, NULL) AS broken,
  IF(cause = 'rival', best, NULL) AS other,
  CAST(NULL AS DATE) AS other_from
FROM caused
UNION ALL
SELECT
  job, run_date, champion, challenger, 'keep', 'succeeded', NULL, NULL, NULL, NULL, NULL, NULL, NULL, last_variant,
  last_from
FROM days
WHERE is_pending AND NOT is_present
ORDER BY job, run_date, champion, challenger
