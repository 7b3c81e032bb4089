/*
description: >
  Metrics of probabilities for the classes of a STRING label, overall and for each value of each slice, for every
  variant at once. Predictions have one row an entity and class: the prediction key is the entity and one column more,
  the class, and `score` is the class's probability. Labels have one row an entity; `label` is its class.
  The predicted class is the one with the highest score; of equal scores it is the first class in the order of code
  points. With weights w: accuracy is the share of entities whose predicted class is the label; micro_f1 is the same
  number, as each entity has one label and one prediction; macro_f1 is the mean of 2 TP / (2 TP + FP + FN) over the
  classes that are a label or are predicted in the slice; log_loss is the mean of -ln(score of the label), the score
  no lower than the machine epsilon 2^-52, which a class without a row has, too.
  Rows of the slice `confusion`, overall only, count the entities of each label and predicted class, unweighted.
  An entity without a label (NULL) is not judged; it counts in label_coverage, the share of the rows of predictions
  whose entity has a label, unweighted, overall only. count is the number of entities that are judged. A
  slice in which none is judged has no rows. docs/metrics.md says more. Each prediction is read once, its three id
  columns twice.
  Intervals (95 %) are by linearisation: each entity has an influence on a metric, influences are summed over clusters
  where the job declares them, and the variance is their sum of squares times units / (units - 1), units being entities
  or clusters. They are of Student's t with units - 1 degrees of freedom, on the scale of the logit, and of the
  logarithm for log_loss. Below 30 units, and where no unit differs from another, they are NULL and note says why.
  Slice columns are STRING. `overall` is a constant column; its rows have an empty slice_name.
parameters: {clustered: BOOL}
identifiers:
  predictions: query
  labels: table
  entity: columns
  within: column
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
  accuracy: {better: higher, pooled: mean}
  macro_f1: {better: higher}
  micro_f1: {better: higher, pooled: mean}
  log_loss: {better: lower, pooled: mean}
  count: {better: neither}
  label_coverage: {better: neither, pooled: mean}
prediction_checks:
  - range: {column: score, min: 0, max: 1}
types: {label: [STRING], score: [FLOAT64, NUMERIC, INT64]}
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
    models.model, known.label, predictions.score, CAST(predictions.`{within}` AS STRING) AS _class,
    `{weight}` AS weight, `{cluster}` AS cluster,
    ROW_NUMBER() OVER (
      PARTITION BY models.model, `{entity}`
      ORDER BY predictions.score DESC, CAST(predictions.`{within}` AS STRING)
    ) AS _place,
    SUM(IF(CAST(predictions.`{within}` AS STRING) = known.label, predictions.score, 0)) OVER (
      PARTITION BY models.model, `{entity}`
    ) AS _label_score,
    COUNT(*) OVER (PARTITION BY models.model, `{entity}`) AS _rows,
    `{dimensions}`
  FROM `{predictions}` AS predictions
  INNER JOIN models USING (run_id, model_id, variant)
  INNER JOIN known USING (`{entity}`)
  WHERE known.label IS NOT NULL
),
entities AS (
  SELECT
    model, label, _class, _rows, weight, cluster, `{dimensions}`,
    -LN(GREATEST(_label_score, POW(2, -52))) AS loss
  FROM judged
  WHERE _place = 1
),
sliced AS (
  SELECT model, dimension, slice_value, label, _class AS predicted_class, _rows AS predictions, weight, cluster, loss
  FROM entities UNPIVOT (slice_value FOR dimension IN (`{dimensions}`))
),
cells AS (
  SELECT
    model, dimension, slice_value, cluster, label, predicted_class,
    SUM(predictions) AS predictions,
    COUNT(*) AS n,
    SUM(weight) AS weight,
    SUM(POW(weight, 2)) AS weight_squares,
    SUM(weight * loss) AS loss,
    SUM(POW(weight, 2) * loss) AS loss_products,
    SUM(POW(weight * loss, 2)) AS loss_squares
  FROM sliced
  GROUP BY model, dimension, slice_value, cluster, label, predicted_class
),
-- A cell belongs to the class of its label and to the class that was predicted: seen from a class, F1 is the share of
-- what belongs to it that is right, and an influence on it is that on a ratio.
classed AS (
  SELECT
    cells.*,
    class,
    SUM(IF(label = predicted_class, weight, 0)) OVER of_class / NULLIF(SUM(weight) OVER of_class, 0) AS f1,
    SUM(weight) OVER of_class AS class_weight,
    COUNT(DISTINCT class) OVER of_slice AS classes
  FROM cells CROSS JOIN UNNEST([label, predicted_class]) AS class
  WINDOW
    of_class AS (PARTITION BY model, dimension, slice_value, class),
    of_slice AS (PARTITION BY model, dimension, slice_value)
),
weighed AS (
  SELECT
    model, dimension, slice_value, cluster, label, predicted_class,
    IF(label = predicted_class, 1, 0) AS is_right,
    ANY_VALUE(predictions) AS predictions,
    ANY_VALUE(n) AS n,
    ANY_VALUE(weight) AS weight,
    ANY_VALUE(weight_squares) AS weight_squares,
    ANY_VALUE(loss) AS loss,
    ANY_VALUE(loss_products) AS loss_products,
    ANY_VALUE(loss_squares) AS loss_squares,
    SUM(SAFE_DIVIDE(IF(label = predicted_class, weight, 0), class_weight * classes)) AS f1,
    SUM(SAFE_DIVIDE(IF(label = predicted_class, 1, 0) - f1, class_weight * classes)) AS f1_influence
  FROM classed
  GROUP BY model, dimension, slice_value, cluster, label, predicted_class
),
totals AS (
  SELECT
    *,
    SUM(weight) OVER of_slice AS total_weight,
    SAFE_DIVIDE(SUM(weight * is_right) OVER of_slice, SUM(weight) OVER of_slice) AS accuracy,
    SAFE_DIVIDE(SUM(loss) OVER of_slice, SUM(weight) OVER of_slice) AS log_loss,
    SUM(f1) OVER of_slice AS macro_f1
  FROM weighed
  WINDOW of_slice AS (PARTITION BY model, dimension, slice_value)
),
-- One row a cluster, and one row a cell of the confusion matrix, which has `predicted_class`.
clusters AS (
  SELECT
    model, dimension, slice_value, cluster, label, predicted_class,
    SUM(predictions) AS predictions,
    SUM(n) AS n,
    ANY_VALUE(accuracy) AS accuracy,
    ANY_VALUE(log_loss) AS log_loss,
    ANY_VALUE(macro_f1) AS macro_f1,
    SUM(SAFE_DIVIDE(weight * (is_right - accuracy), total_weight)) AS accuracy_part,
    SUM(SAFE_DIVIDE(loss - log_loss * weight, total_weight)) AS loss_part,
    SUM(weight * f1_influence) AS f1_part,
    SUM(SAFE_DIVIDE(weight_squares * POW(is_right - accuracy, 2), POW(total_weight, 2))) AS accuracy_rows,
    SUM(
      SAFE_DIVIDE(
        loss_squares - 2 * log_loss * loss_products + POW(log_loss, 2) * weight_squares, POW(total_weight, 2)
      )
    ) AS loss_rows,
    SUM(weight_squares * POW(f1_influence, 2)) AS f1_rows
  FROM totals
  GROUP BY GROUPING SETS (
    (model, dimension, slice_value, cluster),
    (model, dimension, slice_value, label, predicted_class)
  )
),
slices AS (
  SELECT
    model, dimension, slice_value, label, predicted_class,
    SUM(predictions) AS predictions,
    SUM(n) AS n,
    IF(@clustered, COUNT(*), SUM(n)) AS units,
    ANY_VALUE(accuracy) AS accuracy,
    ANY_VALUE(log_loss) AS log_loss,
    ANY_VALUE(macro_f1) AS macro_f1,
    IF(@clustered, SUM(POW(accuracy_part, 2)), SUM(accuracy_rows)) AS accuracy_variance,
    IF(@clustered, SUM(POW(loss_part, 2)), GREATEST(SUM(loss_rows), 0)) AS loss_variance,
    IF(@clustered, SUM(POW(f1_part, 2)), SUM(f1_rows)) AS f1_variance
  FROM clusters
  GROUP BY model, dimension, slice_value, label, predicted_class
),
measured AS (
  SELECT
    models.run_id, models.model_id, models.variant, slices.units, m.metric, m.value, m.scale,
    CASE
      WHEN predicted_class IS NOT NULL THEN 'confusion' WHEN dimension = 'overall' THEN '' ELSE dimension
    END AS slice_name,
    IF(predicted_class IS NULL, slice_value, CONCAT(label, ' as ', predicted_class)) AS slice_value,
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
      STRUCT(
        'accuracy' AS metric, accuracy AS value, accuracy_variance AS variance, accuracy * (1 - accuracy) AS divisor,
        'logit' AS scale
      ),
      STRUCT('micro_f1', accuracy, accuracy_variance, accuracy * (1 - accuracy), 'logit'),
      STRUCT('macro_f1', macro_f1, f1_variance, macro_f1 * (1 - macro_f1), 'logit'),
      STRUCT('log_loss', log_loss, loss_variance, log_loss, 'log'),
      STRUCT('count', CAST(n AS FLOAT64), NULL, NULL, 'none'),
      STRUCT('label_coverage', predictions / models.predicted, NULL, NULL, 'none')
    ]) AS m
  WHERE dimension = 'overall' AND (predicted_class IS NULL OR m.metric = 'count')
    OR predicted_class IS NULL AND m.metric != 'label_coverage'
)
SELECT
  run_id, model_id, variant, metric, slice_name, slice_value, n, value,
  CASE
    WHEN half < 1e-12 THEN NULL
    WHEN scale = 'log' THEN value * EXP(-half)
    ELSE value / (value + (1 - value) * EXP(half))
  END AS low,
  CASE
    WHEN half < 1e-12 THEN NULL
    WHEN scale = 'log' THEN value * EXP(half)
    ELSE value / (value + (1 - value) * EXP(-half))
  END AS high,
  CASE
    WHEN value IS NULL THEN 'no weight'
    WHEN scale = 'none' THEN NULL
    WHEN units < 30 THEN CONCAT('no interval: fewer than 30 ', IF(@clustered, 'clusters', 'entities'))
    WHEN COALESCE(half, 0) < 1e-12 THEN 'no interval: no spread'
  END AS note
FROM measured
