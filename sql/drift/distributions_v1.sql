/*
description: |
  How far the rows that a run scored, and their scores, lie from the data that the models were trained on. Definitions,
  sources and what guards a warning: docs/drift.md.
  Columns are counted by value, in one scan of each; all that follows works on the counts. A number goes into one of ten
  bins by its mid-distribution function in the training data; a category that less than 2 % of the training rows have
  goes into one bin with the others. Each day of the last four weeks of training that has 30 rows is measured like the
  scored rows (`moment` is NULL for these). What is usual of these days, or of those on the weekday of the run, is no
  warning; a day or two that were bad do not make it usual. Scores of training rows come as @reference.
parameters:
  as_of: TIMESTAMP
  psi: FLOAT64
  jensen_shannon: FLOAT64
  missing_rate: FLOAT64
  unseen_rate: FLOAT64
  reference: [{variant: STRING, feature: STRING, number: FLOAT64, category: STRING, n: INT64}]
identifiers:
  examples: table
  numbers: expressions
  number_columns: columns
  categories: expressions
  category_columns: columns
  predictions: query
  predicted_numbers: expressions
  predicted_number_columns: columns
  predicted_categories: expressions
  predicted_category_columns: columns
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
-- _moment is NULL for rows to score; days before the last four weeks are one
example_numbers AS (
  SELECT IF(_scores, NULL, GREATEST(example_as_of, TIMESTAMP_SUB(@as_of, INTERVAL 29 DAY))) AS _moment, `{numbers}`
  FROM `{examples}`
  WHERE _trains OR _scores
),
example_categories AS (
  SELECT IF(_scores, NULL, GREATEST(example_as_of, TIMESTAMP_SUB(@as_of, INTERVAL 29 DAY))) AS _moment, `{categories}`
  FROM `{examples}`
  WHERE _trains OR _scores
),
predicted_numbers AS (
  SELECT variant AS _variant, `{predicted_numbers}`
  FROM `{predictions}`
),
predicted_categories AS (
  SELECT variant AS _variant, `{predicted_categories}`
  FROM `{predictions}`
),
example_number_values AS (
  SELECT _moment, _feature, _number
  FROM example_numbers UNPIVOT INCLUDE NULLS (_number FOR _feature IN (`{number_columns}`))
),
example_category_values AS (
  SELECT _moment, _feature, _category
  FROM example_categories UNPIVOT INCLUDE NULLS (_category FOR _feature IN (`{category_columns}`))
),
predicted_number_values AS (
  SELECT _variant, _feature, _number
  FROM predicted_numbers UNPIVOT INCLUDE NULLS (_number FOR _feature IN (`{predicted_number_columns}`))
),
predicted_category_values AS (
  SELECT _variant, _feature, _category
  FROM predicted_categories UNPIVOT INCLUDE NULLS (_category FOR _feature IN (`{predicted_category_columns}`))
),
counted AS (
  SELECT
    '' AS variant, _feature AS feature, TRUE AS is_number, _number AS number, CAST(NULL AS STRING) AS category,
    _moment AS moment, COUNT(*) AS n
  FROM example_number_values
  GROUP BY _feature, _number, _moment
  UNION ALL
  SELECT
    '' AS variant, _feature AS feature, FALSE AS is_number, CAST(NULL AS FLOAT64) AS number, _category AS category,
    _moment AS moment, COUNT(*) AS n
  FROM example_category_values
  GROUP BY _feature, _category, _moment
  UNION ALL
  SELECT
    _variant AS variant, _feature AS feature, TRUE AS is_number, _number AS number, CAST(NULL AS STRING) AS category,
    CAST(NULL AS TIMESTAMP) AS moment, COUNT(*) AS n
  FROM predicted_number_values
  GROUP BY _variant, _feature, _number
  UNION ALL
  SELECT
    _variant AS variant, _feature AS feature, FALSE AS is_number, CAST(NULL AS FLOAT64) AS number,
    _category AS category, CAST(NULL AS TIMESTAMP) AS moment, COUNT(*) AS n
  FROM predicted_category_values
  GROUP BY _variant, _feature, _category
  UNION ALL
  SELECT
    scored.variant, scored.feature, scored.category IS NULL AS is_number, scored.number, scored.category,
    TIMESTAMP_SUB(@as_of, INTERVAL 29 DAY) AS moment, scored.n
  FROM UNNEST(@reference) AS scored
),
marked AS (
  SELECT
    *,
    number IS NULL AND category IS NULL AS is_missing,
    IF(moment IS NULL OR (number IS NULL AND category IS NULL), 0, n) AS trained
  FROM counted
  WHERE feature != '_none'
),
-- upto: training rows with a value up to this one; alike: with this one; m: with any
ranked AS (
  SELECT
    *,
    SUM(trained) OVER (
      PARTITION BY variant, feature, category ORDER BY number RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS upto,
    SUM(trained) OVER (
      PARTITION BY variant, feature, category ORDER BY number RANGE BETWEEN CURRENT ROW AND CURRENT ROW
    ) AS alike,
    SUM(trained) OVER (PARTITION BY variant, feature) AS m
  FROM marked
),
binned AS (
  SELECT
    variant, feature, is_number, moment, is_missing, m,
    IF(is_missing OR NOT is_number OR m = 0, NULL, LEAST(9, DIV(5 * (2 * upto - alike), m))) AS bin,
    IF(is_missing OR alike < 0.02 * m, NULL, category) AS kept,
    SUM(n) AS n,
    SUM(IF(is_missing OR is_number OR alike > IF(moment IS NULL, 0, n), 0, n)) AS unseen
  FROM ranked
  GROUP BY variant, feature, is_number, moment, is_missing, m, bin, kept
),
totals AS (
  SELECT
    *,
    SUM(IF(moment IS NULL, 0, n)) OVER (PARTITION BY variant, feature, is_missing, bin, kept) AS trained,
    SUM(IF(moment IS NULL, 0, n)) OVER (PARTITION BY variant, feature) AS trained_rows,
    SUM(IF(moment IS NOT NULL AND is_missing, n, 0)) OVER (PARTITION BY variant, feature) AS trained_missing,
    SUM(n) OVER (PARTITION BY variant, feature, moment, is_missing) AS day_n,
    ROW_NUMBER() OVER (PARTITION BY variant, feature, is_missing, bin, kept ORDER BY moment) AS place
  FROM binned
),
-- p and q: shares of a bin on the day and in training, as they are and at least 0.0001 for PSI
shares AS (
  SELECT
    *,
    NOT is_missing AND m > 0 AS has_bin,
    n / day_n AS p_raw,
    GREATEST(n / day_n, 0.0001) AS p,
    SAFE_DIVIDE(trained, m) AS q_raw,
    GREATEST(SAFE_DIVIDE(trained, m), 0.0001) AS q
  FROM totals
),
-- psi_of_none: PSI of a day that lacks every bin; each bin that the day has adds the difference
terms AS (
  SELECT
    variant, feature, is_number, moment, m, n, is_missing, unseen, trained_rows, trained_missing, has_bin, q_raw,
    IF(has_bin, (p - q) * LN(p / q) - (0.0001 - q) * LN(0.0001 / q), 0) AS psi_term,
    IF(
      has_bin,
      p_raw * LN(2 * p_raw / (p_raw + q_raw)) + IF(q_raw > 0, q_raw * LN(2 * q_raw / (p_raw + q_raw)), 0),
      0
    ) / LN(2) AS js_term,
    SUM(IF(has_bin AND place = 1, (0.0001 - q) * LN(0.0001 / q), 0)) OVER (PARTITION BY variant, feature)
      AS psi_of_none,
    SUM(IF(has_bin AND place = 1, 1, 0)) OVER (PARTITION BY variant, feature) AS bins
  FROM shares
),
days AS (
  SELECT
    variant, feature, is_number, m, bins, trained_rows, moment,
    moment > TIMESTAMP_SUB(@as_of, INTERVAL 29 DAY) AS is_day,
    SUM(n) AS all_n,
    SUM(IF(is_missing, 0, n)) AS n,
    SAFE_DIVIDE(trained_missing, trained_rows) AS trained_missing,
    SUM(IF(is_missing, n, 0)) / SUM(n) AS missing,
    IF(is_number, NULL, SAFE_DIVIDE(SUM(unseen), SUM(IF(is_missing, 0, n)))) AS unseen,
    IF(COUNTIF(has_bin) = 0, NULL, SUM(psi_term) + MAX(psi_of_none)) AS psi,
    IF(
      COUNTIF(has_bin) = 0,
      NULL,
      -- a bin that the day lacks adds the whole of its share
      SQRT(GREATEST((SUM(js_term) + 1 - SUM(IF(has_bin, q_raw, 0))) / 2, 0))
    ) AS js
  FROM terms
  GROUP BY variant, feature, is_number, m, bins, trained_rows, trained_missing, moment
),
features AS (
  SELECT
    variant, feature, is_number, m, bins, trained_rows, trained_missing,
    COALESCE(MAX(IF(moment IS NULL, all_n, NULL)), 0) AS all_n,
    COALESCE(MAX(IF(moment IS NULL, n, NULL)), 0) AS n,
    MAX(IF(moment IS NULL, psi, NULL)) AS psi,
    MAX(IF(moment IS NULL, js, NULL)) AS js,
    MAX(IF(moment IS NULL, missing, NULL)) AS missing,
    IF(m = 0, NULL, MAX(IF(moment IS NULL, unseen, NULL))) AS unseen
  FROM days
  GROUP BY variant, feature, is_number, m, bins, trained_rows, trained_missing
),
-- how far each day lies from the whole: once among all days, and once among those of the run's weekday
day_distances AS (
  SELECT days.variant, days.feature, measures.measure, measures.distance, scope
  FROM days
  CROSS JOIN
    UNNEST([
      STRUCT('psi' AS measure, days.psi AS distance, days.n AS day_rows),
      STRUCT('jensen_shannon', days.js, days.n),
      STRUCT('missing_rate', ABS(days.missing - days.trained_missing), days.all_n),
      STRUCT('unseen_rate', days.unseen, days.n)
    ]) AS measures
  CROSS JOIN UNNEST(['all', 'weekday']) AS scope
  WHERE days.is_day
    AND measures.day_rows >= 30
    AND measures.distance IS NOT NULL
    AND (scope = 'all' OR MOD(CAST(ROUND(TIMESTAMP_DIFF(@as_of, days.moment, HOUR) / 24) AS INT64), 7) = 0)
),
ordered_distances AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY variant, feature, measure, scope ORDER BY distance DESC) AS place,
    COUNT(*) OVER (PARTITION BY variant, feature, measure, scope) AS day_count
  FROM day_distances
),
middles AS (
  SELECT
    *,
    AVG(IF(2 * place BETWEEN day_count AND day_count + 2, distance, NULL))
      OVER (PARTITION BY variant, feature, measure, scope) AS middle
  FROM ordered_distances
),
deviations AS (
  SELECT
    *,
    ABS(distance - middle) AS deviation,
    ROW_NUMBER() OVER (PARTITION BY variant, feature, measure, scope ORDER BY ABS(distance - middle))
      AS rank_of_deviation
  FROM middles
),
-- usual: median and three scaled median absolute deviations, or what more than a tenth of the days reach
usual_of_scopes AS (
  SELECT
    variant, feature, measure, scope,
    GREATEST(
      MAX(middle)
      + 3 * 1.482602218505602
      * AVG(IF(2 * rank_of_deviation BETWEEN day_count AND day_count + 2, deviation, NULL)),
      MAX(IF(place = GREATEST(1, DIV(day_count, 10)) + 1, distance, 0))
    ) AS usual
  FROM deviations
  WHERE day_count >= 3
  GROUP BY variant, feature, measure, scope
),
usual_distances AS (
  SELECT variant, feature, measure AS usual_of, MAX(usual) AS usual
  FROM usual_of_scopes
  GROUP BY variant, feature, usual_of
),
-- chance: what PSI exceeds once in a thousand times where nothing has drifted, chi-square by Wilson and Hilferty
chances AS (
  SELECT
    *,
    (SAFE_DIVIDE(1, n) + SAFE_DIVIDE(1, m)) * (bins - 1)
    * POW(1 - 2 / (9 * GREATEST(bins - 1, 1)) + 3.090232306167813 * SQRT(2 / (9 * GREATEST(bins - 1, 1))), 3)
      AS chance_psi,
    (missing * all_n + trained_missing * trained_rows) / (all_n + trained_rows) AS pooled_missing
  FROM features
),
of_measures AS (
  SELECT chances.*, measure, usual_distances.usual
  FROM chances
  CROSS JOIN UNNEST(['psi', 'jensen_shannon', 'missing_rate', 'unseen_rate']) AS measure
  LEFT JOIN usual_distances
    ON chances.variant = usual_distances.variant
      AND chances.feature = usual_distances.feature
      AND measure = usual_distances.usual_of
  WHERE measure != 'unseen_rate' OR NOT chances.is_number
),
measured AS (
  SELECT
    variant, feature, measure,
    IF(measure = 'missing_rate', all_n, n) AS n,
    IF(measure = 'missing_rate', trained_rows, m) AS trained_n,
    CASE measure WHEN 'psi' THEN psi WHEN 'jensen_shannon' THEN js WHEN 'missing_rate' THEN missing ELSE unseen END
      AS value,
    IF(measure = 'missing_rate', trained_missing, usual) AS reference,
    CASE measure
      WHEN 'psi' THEN @psi WHEN 'jensen_shannon' THEN @jensen_shannon WHEN 'missing_rate' THEN @missing_rate
      ELSE @unseen_rate
    END AS threshold,
    CASE measure
      WHEN 'psi' THEN psi WHEN 'jensen_shannon' THEN js WHEN 'missing_rate' THEN ABS(missing - trained_missing)
      ELSE unseen
    END AS distance,
    COALESCE(usual, 0) AS day_distance,
    CASE measure
      WHEN 'psi' THEN chance_psi
      WHEN 'jensen_shannon' THEN SQRT(chance_psi / (8 * LN(2)))
      WHEN 'missing_rate'
        THEN
          3.090232306167813
          * SQRT(
            GREATEST(pooled_missing * (1 - pooled_missing), 0)
            * (SAFE_DIVIDE(1, all_n) + SAFE_DIVIDE(1, trained_rows))
          )
      ELSE 0
    END AS chance
  FROM of_measures
),
noted AS (
  SELECT
    *,
    CASE
      WHEN trained_n = 0 THEN 'no value in the training data'
      WHEN n = 0 THEN 'no value in what was scored'
      WHEN LEAST(n, trained_n) < 30 THEN 'fewer than 30 rows'
      WHEN measure = 'psi' AND n < 100 THEN 'fewer than 100 rows'
      WHEN distance <= threshold THEN CAST(NULL AS STRING)
      WHEN distance <= 1.1 * day_distance THEN 'as on other days of the last four weeks'
      WHEN distance <= chance THEN 'within chance'
    END AS note
  FROM measured
)
SELECT
  variant, feature, measure, n,
  ROUND(value, 12) AS value,
  ROUND(reference, 12) AS reference,
  threshold,
  COALESCE(distance > threshold AND note IS NULL, FALSE) AS is_warning,
  note
FROM noted
