/*
description: >
  What consumers read: for each run date the predictions of the variant that was champion for it. The rows of a run date
  are complete or absent. A view takes no parameters, so the job is a checked name.
identifiers: {view: table, predictions: table, champions: table, job: name}
changes: {v1: first version}
*/
CREATE OR REPLACE VIEW `{view}` AS
SELECT predictions.*
FROM `{predictions}` AS predictions
INNER JOIN `{champions}` AS champions
  ON champions.job = `{job}`
    AND predictions.variant = champions.variant
    AND predictions.run_date >= champions.holds_from
    AND predictions.run_date < champions.holds_until
