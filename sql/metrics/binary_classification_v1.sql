/*
description: >
  Metrics of probabilities for a binary label, overall and for each value of each slice, for every variant at once.
  AUC is the rank-sum statistic of Mann and Whitney with ties counted half; log loss is in nats; the Brier score is the
  mean squared difference. A slice with one class has no AUC: value NULL, and note says why.
  A row without a label (NULL) is not judged. Slice columns are STRING. `overall` is a constant column; its rows have
  an empty slice_name.
identifiers: {predictions: query, labels: table, key: columns, dimensions: columns, binary_log_loss: function}
columns:
  run_id: STRING
  model_id: STRING
  variant: STRING
  metric: STRING
  slice_name: STRING
  slice_value: STRING
  n: INT64
  value: FLOAT64
  low: FLOAT64
  high: FLOAT64
  note: STRING
checks:
  - accepted_values: {column: label, values: [0, 1]}
changes: {v1: "first version, intervals are NULL"}
*/
WITH scored AS (
  SELECT
    predictions.run_id, predictions.model_id, predictions.variant, predictions.score, labels.label, '' AS overall,
    labels.* EXCEPT (label)
  FROM `{predictions}` AS predictions
  INNER JOIN `{labels}` AS labels USING (`{key}`)
  WHERE labels.label IS NOT NULL
),
sliced AS (
  SELECT run_id, model_id, variant, score, label, IF(dimension = 'overall', '', dimension) AS slice_name, slice_value
  FROM scored UNPIVOT (slice_value FOR dimension IN (`{dimensions}`))
),
tied AS (
  SELECT
    run_id, model_id, variant, slice_name, slice_value, score,
    COUNT(*) AS n,
    SUM(label) AS positives,
    COUNT(*) - SUM(label) AS negatives,
    SUM(`{binary_log_loss}`(label, score)) AS log_loss,
    SUM(POW(score - label, 2)) AS squared_error
  FROM sliced
  GROUP BY run_id, model_id, variant, slice_name, slice_value, score
),
ranked AS (
  SELECT
    *,
    positives * (
      SUM(negatives) OVER (PARTITION BY variant, model_id, run_id, slice_name, slice_value ORDER BY score)
      - negatives / 2
    ) AS wins
  FROM tied
),
totals AS (
  SELECT
    run_id, model_id, variant, slice_name, slice_value,
    SUM(n) AS n,
    SAFE_DIVIDE(SUM(wins), SUM(positives) * SUM(negatives)) AS auc,
    SUM(log_loss) / SUM(n) AS log_loss,
    SUM(squared_error) / SUM(n) AS brier_score,
    SUM(positives) / SUM(n) AS base_rate,
    SUM(score * n) / SUM(n) AS mean_score,
    CAST(SUM(n) AS FLOAT64) AS count
  FROM ranked
  GROUP BY run_id, model_id, variant, slice_name, slice_value
)
SELECT
  run_id, model_id, variant, metric, slice_name, slice_value, n, value,
  CAST(NULL AS FLOAT64) AS low,
  CAST(NULL AS FLOAT64) AS high,
  IF(value IS NULL, 'one class only', CAST(NULL AS STRING)) AS note
FROM totals UNPIVOT INCLUDE NULLS (value FOR metric IN (auc, log_loss, brier_score, base_rate, mean_score, count))
