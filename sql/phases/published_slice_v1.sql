/*
description: The predictions that a run published for its run date, as the metrics read them.
parameters: {run_date: DATE, run_id: STRING}
identifiers: {predictions: table, columns: columns}
changes: {v1: first version}
*/
SELECT run_id, model_id, variant, `{columns}`
FROM `{predictions}`
WHERE run_date = @run_date AND run_id = @run_id
