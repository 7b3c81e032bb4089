/*
description: >
  Publishes the predictions of one model: replaces the slice of its run date and variant, in one atomic statement.
  Readers see the old rows or the new ones. Doing it again changes nothing. Where a newer generation stands, nothing is
  changed either: a process that was thought dead may come late.
parameters: {run_date: DATE, run_id: STRING, model_id: STRING, variant: STRING, generation: INT64}
identifiers: {predictions: table, loaded: table, columns: columns}
changes: {v1: first version}
*/
MERGE `{predictions}` AS old
USING (
  SELECT
    @run_date AS run_date, @run_id AS run_id, @model_id AS model_id, @variant AS variant, @generation AS generation,
    `{columns}`
  FROM `{loaded}`
  WHERE NOT EXISTS (
      SELECT 1
      FROM `{predictions}` AS newer
      WHERE newer.run_date = @run_date AND newer.variant = @variant AND newer.generation > @generation
    )
) AS loaded
  ON FALSE
WHEN NOT MATCHED BY SOURCE AND (
  old.run_date = @run_date AND old.variant = @variant AND old.generation <= @generation
) THEN DELETE
WHEN NOT MATCHED THEN
  INSERT (run_date, run_id, model_id, variant, generation, `{columns}`)
  VALUES (run_date, run_id, model_id, variant, generation, `{columns}`)
