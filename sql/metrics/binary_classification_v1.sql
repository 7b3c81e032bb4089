/*
description: >
  Metrics of probabilities for a binary label, overall and for each value of each slice, for every variant at once;
  docs/metrics.md says what each is. Each prediction is read once, its three id columns twice.
  A row without a label (NULL) is not judged. Slice columns are STRING. `overall` is a constant column; its rows have
  an empty slice_name.
  Rows are ordered once, by falling score, within each slice. What is summed up to a row (weights, weights of positives)
  gives the exact AUC and average precision; everything after that works on at most 1,000 ranges of ranks a slice.
  Intervals: each metric is a smooth function of sums, so its variance is that of the sum of influence values
  (infinitesimal jackknife) - placement values for AUC (DeLong, DeLong and Clarke-Pearson 1988), derivatives for average
  precision, the delta method for ratios - of rows, or of clusters where the job declares them. Placements and
  derivatives are taken in the middle of a range of ranks; a range holds whole ties. Student's t with as many degrees of
  freedom as the scarcest of positives, negatives and clusters, less one, by Cornish and Fisher's expansion; on the
  logit scale for shares, on the logarithmic one for losses.
parameters: {threshold: FLOAT64, top_percent: INT64, bins: INT64, clustered: BOOL}
defaults: {threshold: 0.5, top_percent: 10, bins: 10}
identifiers:
  predictions: query
  labels: table
  key: columns
  dimensions: columns
  weight: expression
  weight_above: expression
  cluster: expression
  binary_log_loss: function
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
  auc: {better: higher}
  average_precision: {better: higher}
  log_loss: {better: lower, pooled: mean}
  brier_score: {better: lower, pooled: mean}
  ece: {better: lower}
  precision: {better: higher}
  recall: {better: higher}
  f1: {better: higher}
  precision_at_top_{top_percent}_percent: {better: higher}
  recall_at_top_{top_percent}_percent: {better: higher}
  lift_at_top_{top_percent}_percent: {better: higher}
  base_rate: {better: neither, pooled: mean}
  mean_score: {better: neither, pooled: mean}
  count: {better: neither}
  label_coverage: {better: neither}
calibration: {predicted: mean_score, actual: base_rate, unit: share}
checks:
  - accepted_values: {column: label, values: [0, 1]}
prediction_checks:
  - range: {column: score, min: 0, max: 1}
types: {label: [INT64], score: [FLOAT64, NUMERIC, INT64]}
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
-- Slices are numbered, as the variants are: rows are ordered within numbers several times as fast as within names.
slices AS (
  SELECT dimension, slice_value, ROW_NUMBER() OVER (ORDER BY dimension, slice_value) AS slice
  FROM known UNPIVOT (slice_value FOR dimension IN (`{dimensions}`))
  GROUP BY dimension, slice_value
),
judged AS (
  SELECT
    models.model, predictions.score, known.label, `{weight}` AS weight, `{cluster}` AS cluster,
    `{binary_log_loss}`(known.label, predictions.score) AS loss,
    `{dimensions}`
  FROM `{predictions}` AS predictions
  INNER JOIN models USING (run_id, model_id, variant)
  INNER JOIN known USING (`{key}`)
  WHERE known.label IS NOT NULL
),
sliced AS (
  SELECT model, slice, score, label, weight, cluster, loss
  FROM judged UNPIVOT (slice_value FOR dimension IN (`{dimensions}`))
  INNER JOIN slices USING (dimension, slice_value)
),
-- Sums over the rows with this score or a higher one: ties are taken whole.
ranked AS (
  SELECT
    *,
    SUM(weight * label) OVER falling AS positives_above,
    `{weight_above}` AS weight_above,
    CUME_DIST() OVER falling AS share_above
  FROM sliced
  WINDOW falling AS (PARTITION BY model, slice ORDER BY score DESC)
),
cut AS (
  SELECT
    *,
    score >= @threshold AS is_predicted,
    CAST(FLOOR(1000 * share_above + 1e-9) AS INT64) AS rank_bin,
    CAST(COALESCE(LEAST(FLOOR(score * @bins), @bins - 1), 0) AS INT64) AS score_bin,
    SAFE_DIVIDE(1, weight_above) AS per_weight,
    SAFE_DIVIDE(positives_above, weight_above) AS precision_above
  FROM ranked
),
-- A range of ranks, cut further by the bins of the calibration. w is weight, p weight of positives, d predicted
-- positive, l log loss, b squared error, s score, c precision at the row's score; a 2 stands for squared weights.
binned AS (
  SELECT
    model, slice, cluster, rank_bin, score_bin,
    COUNT(*) AS n,
    SUM(label) AS positives,
    MIN(weight_above) AS weight_above,
    MIN(positives_above) AS positives_above,
    SUM(weight) AS w,
    SUM(weight * label) AS p,
    SUM(IF(is_predicted, weight, 0)) AS wd,
    SUM(IF(is_predicted, weight * label, 0)) AS pd,
    SUM(weight * score) AS ws,
    SUM(weight * loss) AS wl,
    SUM(weight * POW(score - label, 2)) AS wb,
    SUM(weight * (positives_above - label * weight_above)) AS wins,
    SUM(weight * label * precision_above) AS pc,
    SUM(weight * label * per_weight) AS slope,
    SUM(weight * label * precision_above * per_weight) AS slope_c,
    SUM(weight * weight) AS w2,
    SUM(weight * weight * label) AS p2,
    SUM(IF(is_predicted, weight * weight, 0)) AS w2d,
    SUM(IF(is_predicted, weight * weight * label, 0)) AS p2d,
    SUM(weight * weight * loss) AS w2l,
    SUM(POW(weight * loss, 2)) AS w2ll,
    SUM(weight * weight * POW(score - label, 2)) AS w2b,
    SUM(weight * weight * POW(score - label, 4)) AS w2bb,
    SUM(weight * weight * label * precision_above) AS p2c,
    SUM(weight * weight * label * precision_above * precision_above) AS p2cc
  FROM cut
  GROUP BY model, slice, cluster, rank_bin, score_bin
),
summed AS (
  SELECT
    *,
    SUM(w) OVER unit AS all_w,
    SUM(p) OVER unit AS all_p,
    SUM(wd) OVER unit AS all_wd,
    SUM(pd) OVER unit AS all_pd,
    SAFE_DIVIDE(SUM(wl) OVER unit, SUM(w) OVER unit) AS log_loss,
    SAFE_DIVIDE(SUM(wb) OVER unit, SUM(w) OVER unit) AS brier_score,
    SAFE_DIVIDE(SUM(p) OVER unit, SUM(w) OVER unit) AS base_rate,
    SAFE_DIVIDE(SUM(p) OVER bin, SUM(w) OVER bin) AS bin_rate,
    0.5 + SAFE_DIVIDE(SUM(wins) OVER unit, 2 * SUM(p) OVER unit * (SUM(w) OVER unit - SUM(p) OVER unit)) AS auc,
    SAFE_DIVIDE(SUM(pc) OVER unit, SUM(p) OVER unit) AS average_precision,
    SAFE_DIVIDE(SUM(pd) OVER unit, SUM(wd) OVER unit) AS precision,
    SAFE_DIVIDE(SUM(pd) OVER unit, SUM(p) OVER unit) AS recall,
    SAFE_DIVIDE(2 * SUM(pd) OVER unit, SUM(wd) OVER unit + SUM(p) OVER unit) AS f1,
    SUM(p) OVER falling - SUM(p) OVER peers / 2 AS middle_p,
    SUM(w) OVER falling - SUM(w) OVER peers / 2 AS middle_w,
    SUM(slope) OVER rising AS slope_below,
    SUM(slope_c) OVER rising AS slope_c_below
  FROM binned
  WINDOW
    unit AS (PARTITION BY model, slice),
    bin AS (PARTITION BY model, slice, score_bin),
    peers AS (PARTITION BY model, slice, rank_bin),
    falling AS (PARTITION BY model, slice ORDER BY rank_bin),
    rising AS (PARTITION BY model, slice ORDER BY rank_bin DESC)
),
-- What moves AUC in a range of ranks: the share of negatives below for a positive, of positives above for a negative.
placed AS (
  SELECT
    *,
    SAFE_DIVIDE(1 - SAFE_DIVIDE(middle_w - middle_p, all_w - all_p) - auc, all_p) AS place_p,
    SAFE_DIVIDE(SAFE_DIVIDE(middle_p, all_p) - auc, all_w - all_p) AS place_n,
    slope_below - slope_c_below - average_precision AS step_p
  FROM summed
),
-- Influence values summed over a cluster, and their squares summed over its rows: of a slice (score_bin is NULL), and
-- of each bin of its calibration. Without clusters all rows are one, and the squares of rows count.
grouped AS (
  SELECT
    model, slice, score_bin,
    SUM(n) AS n,
    SUM(positives) AS positives,
    SUM(w) AS w,
    SUM(p) AS p,
    SUM(ws) AS ws,
    MAX(all_wd) AS all_wd,
    MIN(IF(rank_bin >= 10 * @top_percent, weight_above, NULL)) AS top_w,
    MIN(IF(rank_bin >= 10 * @top_percent, positives_above, NULL)) AS top_p,
    MAX(auc) AS auc,
    MAX(average_precision) AS average_precision,
    MAX(log_loss) AS log_loss,
    MAX(brier_score) AS brier_score,
    MAX(precision) AS precision,
    MAX(recall) AS recall,
    MAX(f1) AS f1,
    SUM(p * place_p + (w - p) * place_n) AS auc_sum,
    SUM(p2 * POW(place_p, 2) + (w2 - p2) * POW(place_n, 2)) AS auc_rows,
    SUM(pc + p * step_p - (w - p) * slope_c_below) AS ap_sum,
    SUM(p2cc + 2 * p2c * step_p + p2 * POW(step_p, 2) + (w2 - p2) * POW(slope_c_below, 2)) AS ap_rows,
    SUM(wl - w * log_loss) AS ll_sum,
    SUM(w2ll - 2 * w2l * log_loss + w2 * POW(log_loss, 2)) AS ll_rows,
    SUM(wb - w * brier_score) AS bs_sum,
    SUM(w2bb - 2 * w2b * brier_score + w2 * POW(brier_score, 2)) AS bs_rows,
    SUM(p - w * base_rate) AS br_sum,
    SUM(p - w * bin_rate) AS bin_sum,
    SUM(p2) - 2 * SUM(p2) * SAFE_DIVIDE(SUM(p), SUM(w)) + SUM(w2) * POW(SAFE_DIVIDE(SUM(p), SUM(w)), 2) AS br_rows,
    SUM(pd - wd * precision) AS pr_sum,
    SUM(p2d * (1 - 2 * precision) + w2d * POW(precision, 2)) AS pr_rows,
    SUM(pd - p * recall) AS re_sum,
    SUM(p2d * (1 - 2 * recall) + p2 * POW(recall, 2)) AS re_rows,
    SUM(2 * pd - f1 * (wd + p)) AS f1_sum,
    SUM(4 * p2d * (1 - 2 * f1) + POW(f1, 2) * (w2d + p2 + 2 * p2d)) AS f1_rows
  FROM placed
  GROUP BY GROUPING SETS ((model, slice, cluster), (model, slice, cluster, score_bin))
),
-- One row a slice (score_bin is NULL), and one for each of its bins.
spread AS (
  SELECT
    model, slice, score_bin,
    SUM(n) AS n,
    SUM(positives) AS positives,
    SUM(w) AS w,
    SUM(p) AS p,
    SUM(ws) AS ws,
    LEAST(SUM(positives), SUM(n) - SUM(positives), IF(@clustered, COUNT(*), SUM(n))) AS scarcest,
    IF(@clustered, COUNT(*), SUM(n)) AS units,
    MAX(all_wd) AS wd,
    MIN(top_w) AS top_w,
    MIN(top_p) AS top_p,
    MAX(auc) AS auc,
    MAX(average_precision) AS average_precision,
    MAX(log_loss) AS log_loss,
    MAX(brier_score) AS brier_score,
    MAX(precision) AS precision,
    MAX(recall) AS recall,
    MAX(f1) AS f1,
    IF(@clustered, SUM(POW(auc_sum, 2)), SUM(auc_rows)) AS auc_squares,
    IF(@clustered, SUM(POW(ap_sum, 2)), SUM(ap_rows)) AS ap_squares,
    IF(@clustered, SUM(POW(ll_sum, 2)), SUM(ll_rows)) AS ll_squares,
    IF(@clustered, SUM(POW(bs_sum, 2)), SUM(bs_rows)) AS bs_squares,
    IF(@clustered, SUM(POW(IF(score_bin IS NULL, br_sum, bin_sum), 2)), SUM(br_rows)) AS br_squares,
    IF(@clustered, SUM(POW(pr_sum, 2)), SUM(pr_rows)) AS pr_squares,
    IF(@clustered, SUM(POW(re_sum, 2)), SUM(re_rows)) AS re_squares,
    IF(@clustered, SUM(POW(f1_sum, 2)), SUM(f1_rows)) AS f1_squares
  FROM grouped
  GROUP BY model, slice, score_bin
),
whole AS (
  SELECT
    *,
    SAFE_DIVIDE(p, w) AS rate,
    SAFE_DIVIDE(SUM(IF(score_bin IS NULL, 0, ABS(p - ws))) OVER (PARTITION BY model, slice), w) AS ece
  FROM spread
),
-- error: the standard error, but for units / (units - 1). is_loss: on the logarithmic scale, else on the logit scale.
-- absent: why the value is NULL.
measured AS (
  SELECT
    models.run_id, models.model_id, models.variant, slices.dimension, slices.slice_value, whole.score_bin, whole.n,
    whole.positives, whole.scarcest, whole.units, each.metric, each.value, each.error, each.is_loss, each.absent
  FROM whole
  INNER JOIN models USING (model)
  INNER JOIN slices USING (slice)
  CROSS JOIN
    UNNEST([
      STRUCT(
        'auc' AS metric, whole.auc AS value, SQRT(GREATEST(whole.auc_squares, 0)) AS error, FALSE AS is_loss,
        'one class only' AS absent
      ),
      STRUCT(
        'average_precision', whole.average_precision, SQRT(GREATEST(whole.ap_squares, 0)) / NULLIF(whole.p, 0), FALSE,
        'no positives'
      ),
      STRUCT('log_loss', whole.log_loss, SQRT(GREATEST(whole.ll_squares, 0)) / NULLIF(whole.w, 0), TRUE, 'no weight'),
      STRUCT(
        'brier_score', whole.brier_score, SQRT(GREATEST(whole.bs_squares, 0)) / NULLIF(whole.w, 0), TRUE, 'no weight'
      ),
      STRUCT('ece', whole.ece, CAST(NULL AS FLOAT64), FALSE, 'no weight'),
      STRUCT(
        'precision', whole.precision, SQRT(GREATEST(whole.pr_squares, 0)) / NULLIF(whole.wd, 0), FALSE,
        'no score reaches the threshold'
      ),
      STRUCT('recall', whole.recall, SQRT(GREATEST(whole.re_squares, 0)) / NULLIF(whole.p, 0), FALSE, 'no positives'),
      STRUCT(
        'f1', whole.f1, SQRT(GREATEST(whole.f1_squares, 0)) / NULLIF(whole.wd + whole.p, 0), FALSE,
        'no positives, and no score reaches the threshold'
      ),
      STRUCT(
        CONCAT('precision_at_top_', CAST(@top_percent AS STRING), '_percent'), SAFE_DIVIDE(whole.top_p, whole.top_w),
        CAST(NULL AS FLOAT64), FALSE, 'no weight'
      ),
      STRUCT(
        CONCAT('recall_at_top_', CAST(@top_percent AS STRING), '_percent'), SAFE_DIVIDE(whole.top_p, whole.p),
        CAST(NULL AS FLOAT64), FALSE, 'no positives'
      ),
      STRUCT(
        CONCAT('lift_at_top_', CAST(@top_percent AS STRING), '_percent'),
        SAFE_DIVIDE(SAFE_DIVIDE(whole.top_p, whole.top_w), whole.rate), CAST(NULL AS FLOAT64), FALSE, 'no positives'
      ),
      STRUCT(
        'base_rate', whole.rate, SQRT(GREATEST(whole.br_squares, 0)) / NULLIF(whole.w, 0), FALSE, 'no weight'
      ),
      STRUCT('mean_score', SAFE_DIVIDE(whole.ws, whole.w), CAST(NULL AS FLOAT64), FALSE, 'no weight'),
      STRUCT('count', CAST(whole.n AS FLOAT64), CAST(NULL AS FLOAT64), FALSE, ''),
      STRUCT('label_coverage', whole.n / models.predicted, CAST(NULL AS FLOAT64), FALSE, '')
    ]) AS each
  WHERE
    IF(
      whole.score_bin IS NULL, each.metric <> 'label_coverage' OR slices.dimension = 'overall',
      each.metric IN ('base_rate', 'mean_score') AND slices.dimension = 'overall'
    )
),
limited AS (
  SELECT
    *,
    IF(
      value > 0 AND (is_loss OR value < 1) AND error > 1e-7 * value AND scarcest >= 30,  -- less is rounding
      error * SQRT(units / (units - 1)) / value / IF(is_loss, 1, 1 - value)
      * (
        1.959963984540054 + 2.3722712306 / (scarcest - 1) + 2.8224986157 / POW(scarcest - 1, 2)
      ),
      NULL
    ) AS reach
  FROM measured
)
SELECT
  run_id, model_id, variant, metric,
  CASE WHEN score_bin IS NOT NULL THEN 'score_bin' WHEN dimension = 'overall' THEN '' ELSE dimension END AS slice_name,
  IF(
    score_bin IS NULL, slice_value, FORMAT('%.2f-%.2f', score_bin / @bins, (score_bin + 1) / @bins)
  ) AS slice_value,
  n, value,
  IF(is_loss, value * EXP(-reach), value / (value + (1 - value) * EXP(reach))) AS low,
  IF(is_loss, value * EXP(reach), value / (value + (1 - value) * EXP(-reach))) AS high,
  CASE
    WHEN value IS NULL THEN absent
    WHEN error IS NULL OR reach IS NOT NULL THEN CAST(NULL AS STRING)
    WHEN positives < 30 THEN 'no interval: fewer than 30 positives'
    WHEN n - positives < 30 THEN 'no interval: fewer than 30 negatives'
    WHEN scarcest < 30 THEN 'no interval: fewer than 30 clusters'
    ELSE 'no interval: no spread'
  END AS note
FROM limited
