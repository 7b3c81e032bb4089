/*
description: >
  Metrics of lists of items for users, against the items that turned out to be relevant, overall and for each value of
  each slice, for every variant at once. Predictions have one row a user and position: the prediction key is the entity
  (the user) and one column more, the position (1 is the first), and a predicted column is the item. Labels have one
  row a user and item; `label` is the gain, and an item is relevant where it is above 0.
  For a user with R relevant items and hits h1 < h2 < ... (positions of relevant items), down to position k: recall is
  hits / R; precision is hits / k; ndcg is the sum of gain / log2(1 + position) over the hits, divided by that of the
  R items in the best order; map is the sum of (number of the hit) / position over the hits, divided by R; mrr_at_k is
  1 / h1, or 0; hit_rate is 1 where there is a hit. mrr is 1 / h1 whatever the length of the list. Metrics are the
  weighted means of these over the users with relevant items; a user's weight is the largest of its relevant items.
  Relevant items that were not predicted count in R and in the best order. Users with relevant items and no predictions
  count as zero, and in users_without_predictions. Users with predictions and no relevant item are left out; they count
  in users_without_relevance, and lower label_coverage, the share of predicted users that have a relevant item. count is
  the number of users with relevant items. catalogue_coverage is the share of the items in the labels, relevant or not,
  that are among the first k of any user. These counts and shares are unweighted; but for count, they are overall only.
  An item that a user gets twice counts at its first position. A slice keeps the rows of the labels that have its value:
  it may be one of users or one of items. Intervals (95 %) are by linearisation over users, or over clusters where the
  job declares them: the variance is the sum of squared influences times units / (units - 1), with Student's t of
  units - 1 degrees of freedom, on the scale of the logit. Below 30 units, and where no unit differs from another, they
  are NULL and note says why. Slice columns are STRING. `overall` is a constant column; its rows have an empty
  slice_name. docs/metrics.md says more. Each prediction is read once, its three id columns twice.
parameters: {clustered: BOOL, ks: [INT64]}
defaults: {ks: [10]}
identifiers:
  predictions: query
  labels: table
  entity: columns
  item: column
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
  recall_at_{k}: {better: higher, pooled: mean}
  precision_at_{k}: {better: higher, pooled: mean}
  ndcg_at_{k}: {better: higher, pooled: mean}
  map_at_{k}: {better: higher, pooled: mean}
  mrr_at_{k}: {better: higher, pooled: mean}
  mrr: {better: higher, pooled: mean}
  hit_rate_at_{k}: {better: higher, pooled: mean}
  catalogue_coverage_at_{k}: {better: neither}
  users_without_relevance: {better: neither}
  users_without_predictions: {better: neither}
  count: {better: neither}
  label_coverage: {better: neither}
judges: user
checks:
  - range: {column: label, min: 0}
prediction_checks:
  - range: {column: "{within}", min: 1}
  - unique: ["{entity}", "{item}"]
types: {label: [INT64, FLOAT64, NUMERIC], "{within}": [INT64, FLOAT64, NUMERIC]}
changes: {v1: first version}
*/
WITH models AS (
  SELECT run_id, model_id, variant, ROW_NUMBER() OVER (ORDER BY run_id, model_id, variant) AS model
  FROM `{predictions}`
  GROUP BY run_id, model_id, variant
),
ks AS (
  SELECT DISTINCT k FROM UNNEST(@ks) AS k
),
known AS (
  SELECT *, '' AS overall FROM `{labels}`
),
relevant AS (
  SELECT `{entity}`, `{item}`, label, `{weight}` AS weight, `{cluster}` AS cluster, `{dimensions}`
  FROM known
  WHERE label > 0
),
-- Slices are numbered, the whole first: numbers are cheaper to group and join by than names.
slices AS (
  SELECT
    dimension, slice_value, ROW_NUMBER() OVER (ORDER BY dimension != 'overall', dimension, slice_value) - 1 AS slice
  FROM relevant UNPIVOT (slice_value FOR dimension IN (`{dimensions}`))
  GROUP BY dimension, slice_value
),
gains AS (
  SELECT
    `{entity}`, `{item}`, slice, weight, cluster,
    label AS gain,
    ROW_NUMBER() OVER (PARTITION BY `{entity}`, slice ORDER BY label DESC) AS ideal_rank
  FROM relevant UNPIVOT (slice_value FOR dimension IN (`{dimensions}`))
  INNER JOIN slices USING (dimension, slice_value)
),
users AS (
  SELECT
    `{entity}`, slice, k,
    COUNT(*) AS relevant_items,
    SUM(IF(ideal_rank <= k, gain / LOG(ideal_rank + 1, 2), 0)) AS ideal_gain,
    MAX(weight) AS weight,
    MAX(cluster) AS cluster
  FROM gains CROSS JOIN ks
  GROUP BY `{entity}`, slice, k
),
clusters AS (
  SELECT
    slice, k, cluster,
    'variant' AS kind,
    COUNT(*) AS users,
    SUM(weight) AS weight,
    SUM(POW(weight, 2)) AS weight_squares
  FROM users
  GROUP BY slice, k, cluster
),
catalogue AS (
  SELECT DISTINCT `{item}`, TRUE AS is_known FROM known
),
sizes AS (
  SELECT COUNT(*) AS items FROM catalogue
),
found AS (
  SELECT
    model, `{entity}`, `{item}`, `{within}` AS position, slice, gain,
    IF(gain IS NULL, NULL, `{item}`) AS hit
  FROM `{predictions}` AS predictions
  INNER JOIN models USING (run_id, model_id, variant)
  LEFT JOIN gains USING (`{entity}`, `{item}`)
),
-- One scan of the predictions makes three kinds of rows: hits of a user (and one without an item for what is no hit),
-- items, and the variant itself.
seen AS (
  SELECT
    model, `{entity}`, `{item}`, hit, slice, gain,
    CASE WHEN GROUPING(gain) = 0 THEN 'user' WHEN GROUPING(`{item}`) = 0 THEN 'item' ELSE 'variant' END AS kind,
    MIN(position) AS position
  FROM found
  GROUP BY GROUPING SETS (
    (model, `{entity}`, hit, slice, gain),
    (model, `{item}`),
    (model)
  )
),
numbered AS (
  SELECT
    model, kind, `{entity}`, gain, is_known,
    COALESCE(slice, 0) AS slice,
    IF(hit IS NULL, NULL, position) AS hit_position,
    IF(kind = 'item', position, NULL) AS item_position,
    ROW_NUMBER() OVER (
      PARTITION BY `{entity}`, slice, model
      ORDER BY position
    ) AS hit_number
  FROM seen LEFT JOIN catalogue USING (`{item}`)
),
grouped AS (
  SELECT
    model, kind, `{entity}`, slice, k,
    COUNTIF(hit_position <= k) AS hits,
    SUM(IF(hit_position <= k, gain / LOG(hit_position + 1, 2), 0)) AS gain,
    SUM(IF(hit_position <= k, hit_number / hit_position, 0)) AS precisions,
    MIN(hit_position) AS first_position,
    COUNTIF(item_position <= k AND is_known) AS items_covered
  FROM numbered CROSS JOIN ks
  GROUP BY model, kind, `{entity}`, slice, k
),
-- Users of the labels that got no prediction have no row of their own: they come in with their cluster.
joined AS (
  SELECT
    model, grouped.kind, grouped.k, relevant_items, items_covered,
    COALESCE(clusters.slice, grouped.slice) AS slice,
    COALESCE(clusters.cluster, users.cluster) AS cluster,
    clusters.users AS cluster_users,
    clusters.weight AS cluster_weight,
    clusters.weight_squares AS cluster_weight_squares,
    users.weight,
    hits / relevant_items AS recall,
    hits / grouped.k AS precise,
    gain / ideal_gain AS ndcg,
    precisions / relevant_items AS average_precision,
    IF(hits > 0, 1, 0) AS any_hit,
    IF(first_position <= grouped.k, 1 / first_position, 0) AS reciprocal_at_k,
    1 / first_position AS reciprocal
  FROM grouped
  LEFT JOIN users USING (`{entity}`, slice, k)
  LEFT JOIN clusters ON grouped.kind = clusters.kind AND grouped.k = clusters.k
),
summed AS (
  SELECT
    model, slice, k, cluster,
    SUM(weight * recall) AS recall_total,
    SUM(POW(weight, 2) * recall) AS recall_products,
    SUM(POW(weight * recall, 2)) AS recall_squares,
    SUM(weight * precise) AS precise_total,
    SUM(POW(weight, 2) * precise) AS precise_products,
    SUM(POW(weight * precise, 2)) AS precise_squares,
    SUM(weight * ndcg) AS ndcg_total,
    SUM(POW(weight, 2) * ndcg) AS ndcg_products,
    SUM(POW(weight * ndcg, 2)) AS ndcg_squares,
    SUM(weight * average_precision) AS average_precision_total,
    SUM(POW(weight, 2) * average_precision) AS average_precision_products,
    SUM(POW(weight * average_precision, 2)) AS average_precision_squares,
    SUM(weight * any_hit) AS any_hit_total,
    SUM(POW(weight, 2) * any_hit) AS any_hit_products,
    SUM(POW(weight * any_hit, 2)) AS any_hit_squares,
    SUM(weight * reciprocal_at_k) AS reciprocal_at_k_total,
    SUM(POW(weight, 2) * reciprocal_at_k) AS reciprocal_at_k_products,
    SUM(POW(weight * reciprocal_at_k, 2)) AS reciprocal_at_k_squares,
    SUM(weight * reciprocal) AS reciprocal_total,
    SUM(POW(weight, 2) * reciprocal) AS reciprocal_products,
    SUM(POW(weight * reciprocal, 2)) AS reciprocal_squares,
    SUM(cluster_users) AS users,
    SUM(cluster_weight) AS weight,
    SUM(cluster_weight_squares) AS weight_squares,
    COUNTIF(kind = 'user' AND slice = 0) AS predicted_users,
    COUNTIF(kind = 'user' AND relevant_items IS NULL) AS users_without_relevance,
    MAX(items_covered) AS items_covered
  FROM joined
  GROUP BY model, slice, k, cluster
),
averaged AS (
  SELECT
    summed.*, m.total, m.products, m.squares,
    IF(m.metric = 'mrr', 'mrr', CONCAT(m.metric, CAST(k AS STRING))) AS metric,
    SAFE_DIVIDE(COALESCE(SUM(m.total) OVER one, 0), SUM(weight) OVER one) AS value
  FROM summed
  CROSS JOIN
    UNNEST([
      STRUCT('recall_at_' AS metric, recall_total AS total, recall_products AS products, recall_squares AS squares),
      STRUCT('precision_at_', precise_total, precise_products, precise_squares),
      STRUCT('ndcg_at_', ndcg_total, ndcg_products, ndcg_squares),
      STRUCT('map_at_', average_precision_total, average_precision_products, average_precision_squares),
      STRUCT('hit_rate_at_', any_hit_total, any_hit_products, any_hit_squares),
      STRUCT('mrr_at_', reciprocal_at_k_total, reciprocal_at_k_products, reciprocal_at_k_squares),
      STRUCT('mrr', reciprocal_total, reciprocal_products, reciprocal_squares)
    ]) AS m
  WINDOW one AS (PARTITION BY model, slice, k, m.metric)
),
means AS (
  SELECT
    model, slice, k, metric,
    COALESCE(SUM(users), 0) AS users,
    COALESCE(IF(@clustered, COUNTIF(users > 0), SUM(users)), 0) AS units,
    ANY_VALUE(value) AS value,
    SAFE_DIVIDE(
      IF(
        @clustered,
        SUM(POW(COALESCE(total, 0) - value * weight, 2)),
        GREATEST(
          COALESCE(SUM(squares) - 2 * ANY_VALUE(value) * SUM(products), 0)
          + POW(ANY_VALUE(value), 2) * SUM(weight_squares),
          0
        )
      ),
      POW(SUM(weight), 2)
    ) AS variance,
    SUM(predicted_users) AS predicted_users,
    SUM(users_without_relevance) AS users_without_relevance,
    COALESCE(MAX(items_covered), 0) AS items_covered
  FROM averaged
  GROUP BY model, slice, k, metric
),
measured AS (
  SELECT
    run_id, model_id, variant, units,
    COALESCE(dimension, 'overall') AS dimension,
    COALESCE(slice_value, '') AS slice_value,
    m.name AS metric, m.value, m.n, m.is_average, m.undefined,
    -- Standard error on the scale of the logit, times Student's t by the expansion of Cornish and Fisher.
    IF(
      units < 30 OR NOT m.is_average,
      NULL,
      SAFE_DIVIDE(SQRT(variance * units / (units - 1)), m.value * (1 - m.value))
      * (1.959963984540054 + 2.372271230298562 / (units - 1) + 2.8224986157396112 / POW(units - 1, 2))
    ) AS half
  FROM means
  INNER JOIN models USING (model)
  LEFT JOIN slices USING (slice)
  CROSS JOIN sizes
  CROSS JOIN
    UNNEST([
      STRUCT(
        metric AS name, value, users AS n, TRUE AS is_average, TRUE AS is_sliced, metric = 'mrr' AS is_once,
        'no relevant items' AS undefined
      ),
      STRUCT('count', CAST(users AS FLOAT64), users, FALSE, TRUE, TRUE, ''),
      STRUCT(
        'label_coverage', 1 - SAFE_DIVIDE(users_without_relevance, predicted_users), predicted_users,
        FALSE, FALSE, TRUE, ''
      ),
      STRUCT(
        'users_without_relevance', CAST(users_without_relevance AS FLOAT64), predicted_users, FALSE, FALSE, TRUE, ''
      ),
      STRUCT(
        'users_without_predictions', CAST(users - predicted_users + users_without_relevance AS FLOAT64), users,
        FALSE, FALSE, TRUE, ''
      ),
      STRUCT(
        CONCAT('catalogue_coverage_at_', CAST(k AS STRING)), SAFE_DIVIDE(items_covered, items), items,
        FALSE, FALSE, FALSE, 'no labels'
      )
    ]) AS m
  -- What is the same for each metric, or for each k, comes once.
  WHERE (m.is_average OR metric = 'mrr')
    AND (m.is_sliced OR slice = 0)
    AND (NOT m.is_once OR k = (SELECT MIN(k) FROM ks))
)
SELECT
  run_id, model_id, variant, metric, IF(dimension = 'overall', '', dimension) AS slice_name, slice_value, n, value,
  IF(half < 1e-12, NULL, value / (value + (1 - value) * EXP(half))) AS low,
  IF(half < 1e-12, NULL, value / (value + (1 - value) * EXP(-half))) AS high,
  CASE
    WHEN value IS NULL THEN undefined
    WHEN NOT is_average THEN NULL
    WHEN units < 30 THEN CONCAT('no interval: fewer than 30 ', IF(@clustered, 'clusters', 'users'))
    WHEN COALESCE(half, 0) < 1e-12 THEN 'no interval: no spread'
  END AS note
FROM measured
