/*
description: >
  Champion and challenger on the entities that both predicted, a row a metric, run date and challenger, with what was
  decided about the two on that run date. A decision without a comparison, such as the first champion, and one by hand
  have a row of their own with no metric. Of several decisions those that change the champion come first.
identifiers: {view: table, comparisons: table, verdicts: table}
changes: {v1: first version}
*/
CREATE OR REPLACE VIEW `{view}` AS
WITH said AS (
  SELECT
    job, run_date, champion, challenger, verdict, reason, n, needed_n, difference, low, high,
    verdict = 'rollback' OR (verdict = 'promote' AND difference IS NULL) AS by_hand
  FROM `{verdicts}`
),
decided AS (
  SELECT *
  FROM said
  WHERE TRUE
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY job, run_date, champion, challenger, by_hand
      ORDER BY verdict IN ('keep', 'too-few-labels') ASC, n DESC, verdict DESC, reason ASC
    ) = 1
),
compared AS (
  SELECT DISTINCT job, run_date, champion, challenger FROM `{comparisons}`
)
SELECT
  comparisons.job, comparisons.run_date, comparisons.champion, comparisons.challenger, comparisons.metric,
  comparisons.n, comparisons.champion_value, comparisons.challenger_value, comparisons.difference,
  decided.verdict, decided.reason, decided.n AS verdict_n, decided.needed_n, decided.difference AS verdict_difference,
  decided.low AS verdict_low, decided.high AS verdict_high, comparisons.sql_version, comparisons.sql_digest
FROM `{comparisons}` AS comparisons
LEFT JOIN decided
  ON comparisons.job = decided.job
    AND comparisons.run_date = decided.run_date
    AND comparisons.champion = decided.champion
    AND comparisons.challenger = decided.challenger
    AND NOT decided.by_hand
UNION ALL
SELECT
  decided.job, decided.run_date, decided.champion, decided.challenger,
  CAST(NULL AS STRING), CAST(NULL AS INT64), CAST(NULL AS FLOAT64), CAST(NULL AS FLOAT64), CAST(NULL AS FLOAT64),
  decided.verdict, decided.reason, decided.n, decided.needed_n, decided.difference, decided.low, decided.high,
  CAST(NULL AS STRING), CAST(NULL AS STRING)
FROM decided
LEFT JOIN compared
  ON decided.job = compared.job
    AND decided.run_date = compared.run_date
    AND decided.champion = compared.champion
    AND decided.challenger = compared.challenger
WHERE compared.job IS NULL OR decided.by_hand
