/*
description: The published predictions of some run dates, pooled for each variant, as the metrics read them.
parameters: {run_dates: [DATE]}
identifiers: {predictions: table, columns: columns}
changes: {v1: first version}
*/
SELECT '' AS run_id, '' AS model_id, variant, `{columns}`
FROM `{predictions}`
WHERE run_date IN UNNEST(@run_dates)
