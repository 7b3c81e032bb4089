/*
description: >
  Metrics of a predicted number `value` against a number `label`, overall and for each value of each slice, for every
  variant at once. With the error e = value - label of a row and its weight w, sums over the rows of a slice:
  mae = sum(w |e|) / sum(w); rmse = sqrt(sum(w e^2) / sum(w)); bias = sum(w e) / sum(w), positive where predictions are
  too high; wape = sum(w |e|) / sum(w |label|); r2 = 1 - sum(w e^2) / sum(w (label - label_mean)^2).
  A row without a label (NULL) is not judged; it counts in label_coverage, the share of predictions that have a label,
  in rows and not in weights, overall only. count is the number of rows that are judged. r2 of a constant label, and
  wape where all labels are zero, are NULL, and note says why; a slice in which nothing is judged has no rows.
  Numbers beyond 1e60 are refused: sums of fourth powers of errors must stay finite.
  docs/metrics.md says more. Each prediction is read once, its three id columns twice.
  Intervals (95 %) are by linearisation: each row has an influence on a metric, influences are summed over clusters
  where the job declares them, and the variance is their sum of squares times units / (units - 1), units being rows or
  clusters. They are of Student's t with units - 1 degrees of freedom, on the scale of the logarithm for mae, rmse,
  wape and 1 - r2. Below 30 units, and where no unit differs from another, they are NULL and note says why. Slice
  columns are STRING. `overall` is a constant column; its rows have an empty slice_name.
parameters: {clustered: BOOL}
identifiers:
  predictions: query
  labels: table
  key: columns
  dimensions: columns
  weight: expression
  cluster: expression
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
metrics:
  mae: {better: lower, pooled: mean}
  rmse: {better: lower, pooled: root_mean_square}
  wape: {better: lower}
  r2: {better: higher}
  bias: {better: neither, pooled: mean}
  label_mean: {better: neither, pooled: mean}
  mean_prediction: {better: neither, pooled: mean}
  count: {better: neither}
  label_coverage: {better: neither, pooled: mean}
calibration: {predicted: mean_prediction, actual: label_mean, unit: label}
checks:
  - range: {column: label, min: -1.0e+60, max: 1.0e+60}
prediction_checks:
  - range: {column: value, min: -1.0e+60, max: 1.0e+60}
types: {label: [FLOAT64, INT64, NUMERIC], value: [FLOAT64, NUMERIC, INT64]}
changes: {v1: first version}
*/
WITH models AS (
  SELECT
    run_id, model_id, variant, COUNT(*) AS predicted, ROW_NUMBER() OVER (ORDER BY run_id, model_id, variant) AS model
  FROM `{predictions}`
  GROUP BY run_id, model_id, variant
),
known AS (
  SELECT *, '' AS overall FROM `{labels}`
),
judged AS (
  SELECT
    models.model, predictions.value, known.label,
    `{weight}` AS weight, `{cluster}` AS cluster,
    `{dimensions}`
  FROM `{predictions}` AS predictions
  INNER JOIN models USING (run_id, model_id, variant)
  INNER JOIN known USING (`{key}`)
  WHERE known.label IS NOT NULL
),
sliced AS (
  SELECT model, dimension, slice_value, value, label, value - label AS error, weight, cluster
  FROM judged UNPIVOT (slice_value FOR dimension IN (`{dimensions}`))
),
-- Windows and not groups: influences need the totals of the slice beside each row, and the rows are read once.
centred AS (
  SELECT
    *,
    SUM(weight) OVER slice AS total_weight,
    SAFE_DIVIDE(SUM(weight * label) OVER slice, SUM(weight) OVER slice) AS label_mean,
    MIN(IF(weight > 0, label, NULL)) OVER slice = MAX(IF(weight > 0, label, NULL)) OVER slice AS is_constant
  FROM sliced
  WINDOW slice AS (PARTITION BY model, dimension, slice_value)
),
totals AS (
  SELECT
    *,
    SAFE_DIVIDE(SUM(weight * ABS(error)) OVER slice, total_weight) AS mae,
    SAFE_DIVIDE(SUM(weight * error) OVER slice, total_weight) AS bias,
    SAFE_DIVIDE(SUM(weight * POW(error, 2)) OVER slice, total_weight) AS mse,
    NULLIF(SUM(weight * ABS(label)) OVER slice, 0) AS absolute_total,
    IF(is_constant, NULL, NULLIF(SUM(weight * POW(label - label_mean, 2)) OVER slice, 0)) AS squared_total
  FROM centred
  WINDOW slice AS (PARTITION BY model, dimension, slice_value)
),
influences AS (
  SELECT
    *,
    SAFE_DIVIDE(weight * (ABS(error) - mae), total_weight) AS mae_part,
    SAFE_DIVIDE(weight * (error - bias), total_weight) AS bias_part,
    SAFE_DIVIDE(weight * (POW(error, 2) - mse), 2 * SQRT(mse) * total_weight) AS rmse_part,
    weight * (ABS(error) - mae * total_weight / absolute_total * ABS(label)) / absolute_total AS wape_part,
    weight
    * (mse * total_weight / squared_total * POW(label - label_mean, 2) - POW(error, 2))
    / squared_total AS r2_part
  FROM totals
),
clusters AS (
  SELECT
    model, dimension, slice_value, cluster,
    COUNT(*) AS n,
    SUM(weight * value) AS value_total,
    ANY_VALUE(total_weight) AS total_weight,
    ANY_VALUE(label_mean) AS label_mean,
    ANY_VALUE(mae) AS mae,
    ANY_VALUE(bias) AS bias,
    SQRT(ANY_VALUE(mse)) AS rmse,
    ANY_VALUE(mae * total_weight / absolute_total) AS wape,
    1 - ANY_VALUE(mse * total_weight / squared_total) AS r2,
    SUM(mae_part) AS mae_part,
    SUM(bias_part) AS bias_part,
    SUM(rmse_part) AS rmse_part,
    SUM(wape_part) AS wape_part,
    SUM(r2_part) AS r2_part,
    SUM(POW(mae_part, 2)) AS mae_rows,
    SUM(POW(bias_part, 2)) AS bias_rows,
    SUM(POW(rmse_part, 2)) AS rmse_rows,
    SUM(POW(wape_part, 2)) AS wape_rows,
    SUM(POW(r2_part, 2)) AS r2_rows
  FROM influences
  GROUP BY model, dimension, slice_value, cluster
),
slices AS (
  SELECT
    model, dimension, slice_value,
    SUM(n) AS n,
    IF(@clustered, COUNT(*), SUM(n)) AS units,
    SAFE_DIVIDE(SUM(value_total), ANY_VALUE(total_weight)) AS mean_prediction,
    ANY_VALUE(label_mean) AS label_mean,
    ANY_VALUE(mae) AS mae,
    ANY_VALUE(bias) AS bias,
    ANY_VALUE(rmse) AS rmse,
    ANY_VALUE(wape) AS wape,
    ANY_VALUE(r2) AS r2,
    IF(@clustered, SUM(POW(mae_part, 2)), SUM(mae_rows)) AS mae_variance,
    IF(@clustered, SUM(POW(bias_part, 2)), SUM(bias_rows)) AS bias_variance,
    IF(@clustered, SUM(POW(rmse_part, 2)), SUM(rmse_rows)) AS rmse_variance,
    IF(@clustered, SUM(POW(wape_part, 2)), SUM(wape_rows)) AS wape_variance,
    IF(@clustered, SUM(POW(r2_part, 2)), SUM(r2_rows)) AS r2_variance
  FROM clusters
  GROUP BY model, dimension, slice_value
),
measured AS (
  SELECT
    models.run_id, models.model_id, models.variant, slices.dimension, slices.slice_value, slices.units,
    m.metric, m.value, m.scale, m.undefined,
    IF(m.metric = 'label_coverage', models.predicted, slices.n) AS n,
    -- Standard error on the scale of the interval, times Student's t by the expansion of Cornish and Fisher.
    IF(
      units < 30,
      NULL,
      SAFE_DIVIDE(SQRT(m.variance * units / (units - 1)), m.divisor)
      * (1.959963984540054 + 2.372271230298562 / (units - 1) + 2.8224986157396112 / POW(units - 1, 2))
    ) AS half
  FROM slices
  INNER JOIN models USING (model)
  CROSS JOIN
    UNNEST([
      STRUCT('mae' AS metric, mae AS value, mae_variance AS variance, mae AS divisor, 'log' AS scale, '' AS undefined),
      STRUCT('rmse', rmse, rmse_variance, rmse, 'log', ''),
      STRUCT('wape', wape, wape_variance, wape, 'log', 'all labels are zero'),
      STRUCT('r2', r2, r2_variance, 1 - r2, 'log of the rest', 'constant label'),
      STRUCT('bias', bias, bias_variance, 1.0, 'plain', ''),
      STRUCT('label_mean', label_mean, NULL, NULL, 'none', ''),
      STRUCT('mean_prediction', mean_prediction, NULL, NULL, 'none', ''),
      STRUCT('count', CAST(n AS FLOAT64), NULL, NULL, 'none', ''),
      STRUCT('label_coverage', n / models.predicted, NULL, NULL, 'none', '')
    ]) AS m
  WHERE slices.dimension = 'overall' OR m.metric != 'label_coverage'
)
SELECT
  run_id, model_id, variant, metric, IF(dimension = 'overall', '', dimension) AS slice_name, slice_value, n, value,
  CASE
    WHEN half < 1e-12 THEN NULL
    WHEN scale = 'plain' THEN value - half
    WHEN scale = 'log' THEN value * EXP(-half)
    ELSE 1 - (1 - value) * EXP(half)
  END AS low,
  CASE
    WHEN half < 1e-12 THEN NULL
    WHEN scale = 'plain' THEN value + half
    WHEN scale = 'log' THEN value * EXP(half)
    ELSE 1 - (1 - value) * EXP(-half)
  END AS high,
  CASE
    WHEN value IS NULL THEN COALESCE(NULLIF(undefined, ''), 'no weight')
    WHEN scale = 'none' THEN NULL
    WHEN units < 30 THEN CONCAT('no interval: fewer than 30 ', IF(@clustered, 'clusters', 'rows'))
    WHEN COALESCE(half, 0) < 1e-12 THEN 'no interval: no spread'
  END AS note
FROM measured
