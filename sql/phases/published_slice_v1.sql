/*
description: The published predictions of one run date, as the metrics read them.
parameters: {run_date: DATE}
identifiers: {predictions: table, columns: columns}
changes: {v1: first version}
*/
SELECT run_id, model_id, variant, `{columns}`
FROM `{predictions}`
WHERE run_date = @run_date
