/*
description: The latest row of each model of a run.
identifiers: {view: table, models: table}
changes: {v1: first version}
*/
CREATE OR REPLACE VIEW `{view}` AS
SELECT
  model_id, job, run_date, run_id, variant, uri, bundle_digest, training_rows, data_checksum, code_digest, recorded_at
FROM `{models}`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY run_id, variant ORDER BY recorded_at DESC, model_id ASC) = 1
