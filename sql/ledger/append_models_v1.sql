/*
description: Appends the models of one run that the ledger does not have yet; a submission names each variant once.
parameters:
  run_date: DATE
  run_id: STRING
  job: STRING
  models:
    - model_id: STRING
      variant: STRING
      uri: STRING
      bundle_digest: STRING
      training_rows: INT64
      data_checksum: STRING
      code_digest: STRING
identifiers: {models: table}
changes: {v1: first version}
*/
INSERT INTO `{models}` (
  model_id, job, run_date, run_id, variant, uri, bundle_digest, training_rows, data_checksum, code_digest, recorded_at
)
SELECT
  model.model_id, @job, @run_date, @run_id, model.variant, model.uri, model.bundle_digest, model.training_rows,
  model.data_checksum, model.code_digest, CURRENT_TIMESTAMP()
FROM UNNEST(@models) AS model
WHERE model.variant NOT IN (SELECT variant FROM `{models}` WHERE run_date = @run_date AND run_id = @run_id)
