/*
description: The published predictions of a span of run dates, pooled for each variant, as the metrics read them.
parameters: {first_date: DATE, last_date: DATE}
identifiers: {predictions: table, columns: columns}
changes: {v1: first version}
*/
SELECT '' AS run_id, '' AS model_id, variant, `{columns}`
FROM `{predictions}`
WHERE run_date BETWEEN @first_date AND @last_date
