/*
description: >
  ...
parameters: {clustered: BOOL, ks: [INT64]}
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
checks:
  - range: {column: label, min: 0}
changes: {v1: first version}
*/
WITH
ks AS (
  SELECT DISTINCT k FROM UNNEST(@ks) AS k
),
labelled AS (
  SELECT *, '' AS overall, `{weight}` AS _weight, `{cluster}` AS _cluster
  FROM `{labels}`
),
gains AS (
  SELECT
    `{entity}`,
    `{item}`,
    IF(dimension = 'overall', '', dimension) AS slice_name,
    slice_value,
    _weight AS weight,
    _cluster AS cluster,
    label AS gain,
    ROW_NUMBER() OVER (PARTITION BY `{entity}`, dimension, slice_value ORDER BY label DESC) AS ideal_rank
  FROM labelled UNPIVOT (slice_value FOR dimension IN (`{dimensions}`))
  WHERE label > 0
),
users AS (
  SELECT
    `{entity}`, slice_name, slice_value, k,
    COUNT(*) AS relevant,
    SUM(IF(ideal_rank <= k, gain / LOG(ideal_rank + 1, 2), 0)) AS ideal_gain,
    MAX(weight) AS weight,
    MAX(cluster) AS cluster
  FROM gains CROSS JOIN ks
  GROUP BY `{entity}`, slice_name, slice_value, k
),
clusters AS (
  SELECT
    slice_name, slice_value, k, cluster,
    'variant' AS kind,
    COUNT(*) AS users,
    SUM(weight) AS weight,
    SUM(POW(weight, 2)) AS weight_squares
  FROM users
  GROUP BY slice_name, slice_value, k, cluster
),
catalogue AS (
  SELECT `{item}`, COUNT(*) OVER () AS items
  FROM labelled
  GROUP BY `{item}`
),
found AS (
  SELECT
    run_id, model_id, variant, `{entity}`, `{item}`, `{within}` AS position, slice_name, slice_value, gain,
    IF(gain IS NULL, NULL, `{item}`) AS hit
  FROM `{predictions}` AS predictions
  LEFT JOIN gains USING (`{entity}`, `{item}`)
),
-- One scan of the predictions makes three kinds of rows: hits of a user (and one without an item for what is no hit),
-- items, and the variant itself.
seen AS (
  SELECT
    run_id, model_id, variant, `{entity}`, `{item}`, hit, slice_name, slice_value, gain,
    CASE WHEN GROUPING(gain) = 0 THEN 'user' WHEN GROUPING(`{item}`) = 0 THEN 'item' ELSE 'variant' END AS kind,
    MIN(position) AS position
  FROM found
  GROUP BY GROUPING SETS (
    (run_id, model_id, variant, `{entity}`, hit, slice_name, slice_value, gain),
    (run_id, model_id, variant, `{item}`),
    (run_id, model_id, variant)
  )
),
numbered AS (
  SELECT
    run_id, model_id, variant, kind, `{entity}`, gain, items,
    COALESCE(slice_name, '') AS slice_name,
    COALESCE(slice_value, '') AS slice_value,
    IF(hit IS NULL, NULL, position) AS hit_position,
    IF(kind = 'item', position, NULL) AS item_position,
    ROW_NUMBER() OVER (
      PARTITION BY `{entity}`, slice_value, slice_name, variant, model_id, run_id
      ORDER BY position
    ) AS hit_number
  FROM seen LEFT JOIN catalogue USING (`{item}`)
),
grouped AS (
  SELECT
    run_id, model_id, variant, kind, `{entity}`, slice_name, slice_value, k,
    COUNTIF(hit_position <= k) AS hits,
    SUM(IF(hit_position <= k, gain / LOG(hit_position + 1, 2), 0)) AS gain,
    SUM(IF(hit_position <= k, hit_number / hit_position, 0)) AS precisions,
    MIN(hit_position) AS first_position,
    COUNTIF(item_position <= k AND items IS NOT NULL) AS items_covered,
    MAX(items) AS items
  FROM numbered CROSS JOIN ks
  GROUP BY run_id, model_id, variant, kind, `{entity}`, slice_name, slice_value, k
),
-- Users of the labels that got no prediction have no row of their own: they come in with their cluster.
joined AS (
  SELECT
    run_id, model_id, variant, grouped.kind, grouped.k, relevant, items_covered, items,
    COALESCE(clusters.slice_name, grouped.slice_name) AS slice_name,
    COALESCE(clusters.slice_value, grouped.slice_value) AS slice_value,
    COALESCE(clusters.cluster, users.cluster) AS cluster,
    clusters.users AS cluster_users,
    clusters.weight AS cluster_weight,
    clusters.weight_squares AS cluster_weight_squares,
    users.weight,
    hits / relevant AS recall,
    hits / grouped.k AS precise,
    gain / ideal_gain AS ndcg,
    precisions / relevant AS average_precision,
    IF(hits > 0, 1, 0) AS any_hit,
    IF(first_position <= grouped.k, 1 / first_position, 0) AS reciprocal_at_k,
    1 / first_position AS reciprocal
  FROM grouped
  LEFT JOIN users USING (`{entity}`, slice_name, slice_value, k)
  LEFT JOIN clusters ON grouped.kind = clusters.kind AND grouped.k = clusters.k
),
summed AS (
  SELECT
    run_id, model_id, variant, slice_name, slice_value, k, cluster,
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
    COUNTIF(kind = 'user' AND slice_name = '') AS predicted_users,
    COUNTIF(kind = 'user' AND relevant IS NULL) AS users_without_relevance,
    MAX(items_covered) AS items_covered,
    MAX(items) AS items
  FROM joined
  GROUP BY run_id, model_id, variant, slice_name, slice_value, k, cluster
),
averaged AS (
  SELECT
    summed.*, m.total, m.products, m.squares,
    IF(m.metric = 'mrr', 'mrr', CONCAT(m.metric, CAST(k AS STRING))) AS metric,
    SAFE_DIVIDE(SUM(m.total) OVER one, SUM(weight) OVER one) AS value
  FROM summed
  CROSS JOIN UNNEST([
    STRUCT('recall_at_' AS metric, recall_total AS total, recall_products AS products, recall_squares AS squares),
    STRUCT('precision_at_', precise_total, precise_products, precise_squares),
    STRUCT('ndcg_at_', ndcg_total, ndcg_products, ndcg_squares),
    STRUCT('map_at_', average_precision_total, average_precision_products, average_precision_squares),
    STRUCT('hit_rate_at_', any_hit_total, any_hit_products, any_hit_squares),
    STRUCT('mrr_at_', reciprocal_at_k_total, reciprocal_at_k_products, reciprocal_at_k_squares),
    STRUCT('mrr', reciprocal_total, reciprocal_products, reciprocal_squares)
  ]) AS m
  WINDOW one AS (PARTITION BY run_id, model_id, variant, slice_name, slice_value, k, m.metric)
),
slices AS (
  SELECT
    run_id, model_id, variant, slice_name, slice_value, k, metric,
    COALESCE(SUM(users), 0) AS users,
    COALESCE(IF(@clustered, COUNTIF(users > 0), SUM(users)), 0) AS units,
    ANY_VALUE(value) AS value,
    SAFE_DIVIDE(
      IF(
        @clustered,
        SUM(POW(COALESCE(total, 0) - value * weight, 2)),
        GREATEST(SUM(squares) - 2 * ANY_VALUE(value) * SUM(products) + POW(ANY_VALUE(value), 2) * SUM(weight_squares), 0)
      ),
      POW(SUM(weight), 2)
    ) AS variance,
    SUM(predicted_users) AS predicted_users,
    SUM(users_without_relevance) AS users_without_relevance,
    COALESCE(MAX(items_covered), 0) AS items_covered,
    MAX(items) AS items
  FROM averaged
  GROUP BY run_id, model_id, variant, slice_name, slice_value, k, metric
),
measured AS (
  SELECT
    run_id, model_id, variant, slice_name, slice_value, units, m.metric, m.value, m.n, m.is_average, m.undefined,
    -- Standard error on the scale of the logit, times Student's t by the expansion of Cornish and Fisher.
    IF(
      units < 30 OR NOT m.is_average,
      NULL,
      SAFE_DIVIDE(SQRT(variance * units / (units - 1)), m.value * (1 - m.value))
      * (1.959963984540054 + 2.372271230298562 / (units - 1) + 2.8224986157396112 / POW(units - 1, 2))
    ) AS half
  FROM slices
  CROSS JOIN UNNEST([
    STRUCT(
      metric, value, users AS n, TRUE AS is_average, TRUE AS is_sliced, metric = 'mrr' AS is_once,
      'no relevant items' AS undefined
    ),
    STRUCT('count', CAST(users AS FLOAT64), users, FALSE, TRUE, TRUE, ''),
    STRUCT(
      'label_coverage', 1 - SAFE_DIVIDE(users_without_relevance, predicted_users), predicted_users, FALSE, FALSE, TRUE, ''
    ),
    STRUCT(
      'users_without_relevance', CAST(users_without_relevance AS FLOAT64), predicted_users, FALSE, FALSE, TRUE, ''
    ),
    STRUCT(
      'users_without_predictions', CAST(users - predicted_users + users_without_relevance AS FLOAT64), users,
      FALSE, FALSE, TRUE, ''
    ),
    STRUCT(
      CONCAT('catalogue_coverage_at_', CAST(k AS STRING)), items_covered / items, COALESCE(items, 0),
      FALSE, FALSE, FALSE, 'no labels'
    )
  ]) AS m
  -- What is the same for each metric, or for each k, comes once.
  WHERE (m.is_average OR metric = 'mrr')
    AND (m.is_sliced OR slice_name = '')
    AND (NOT m.is_once OR k = (SELECT MIN(k) FROM ks))
)
SELECT
  run_id, model_id, variant, metric, slice_name, slice_value, n, value,
  IF(half < 1e-12, NULL, value / (value + (1 - value) * EXP(half))) AS low,
  IF(half < 1e-12, NULL, value / (value + (1 - value) * EXP(-half))) AS high,
  CASE
    WHEN value IS NULL THEN undefined
    WHEN NOT is_average THEN NULL
    WHEN units < 30 THEN IF(@clustered, 'fewer than 30 clusters', 'fewer than 30 users')
    WHEN COALESCE(half, 0) < 1e-12 THEN 'no variation'
  END AS note
FROM measured
