/*
description: Predictions that were staged from a file, as the metrics read them.
parameters: {run_id: STRING, model_id: STRING, variant: STRING}
identifiers: {staged: table, columns: columns}
changes: {v1: first version}
*/
SELECT @run_id AS run_id, @model_id AS model_id, @variant AS variant, `{columns}`
FROM `{staged}`
