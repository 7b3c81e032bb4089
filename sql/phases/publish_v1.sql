/*
description: >
  Publishes the predictions of one model: replaces the slice of its run date and variant, in one atomic statement.
  Readers see the old rows or the new ones. Doing it again changes nothing.
parameters: {run_date: DATE, run_id: STRING, model_id: STRING, variant: STRING}
identifiers: {predictions: table, loaded: table, columns: columns}
changes: {v1: first version}
*/
MERGE `{predictions}` AS published
USING (
  SELECT @run_date AS run_date, @run_id AS run_id, @model_id AS model_id, @variant AS variant, `{columns}`
  FROM `{loaded}`
) AS loaded
  ON FALSE
WHEN NOT MATCHED BY SOURCE AND published.run_date = @run_date AND published.variant = @variant THEN DELETE
WHEN NOT MATCHED THEN
  INSERT (run_date, run_id, model_id, variant, `{columns}`)
  VALUES (run_date, run_id, model_id, variant, `{columns}`)
