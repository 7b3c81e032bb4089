/*
description: The predictions that some runs published, pooled for each variant, as the metrics read them.
parameters: {run_dates: [DATE], run_ids: [STRING]}
identifiers: {predictions: table, columns: columns}
changes: {v1: first version}
*/
SELECT '' AS run_id, '' AS model_id, variant, `{columns}`
FROM `{predictions}`
WHERE run_date IN UNNEST(@run_dates) AND run_id IN UNNEST(@run_ids)
