/*
description: >
  Puts an id<->index table of a model, as it was loaded, in the place of what stands there of it, in one atomic
  statement. Doing it again changes nothing.
parameters: {job: STRING, run_date: DATE, model_id: STRING, map_name: STRING}
identifiers: {id_maps: table, loaded: table}
changes: {v1: first version}
*/
MERGE `{id_maps}` AS old
USING (
  SELECT @job AS job, @run_date AS run_date, @model_id AS model_id, @map_name AS map_name, `index` AS id_index, id
  FROM `{loaded}`
) AS loaded
  ON FALSE
WHEN NOT MATCHED BY SOURCE AND (
  old.run_date = @run_date AND old.job = @job AND old.model_id = @model_id AND old.map_name = @map_name
) THEN DELETE
WHEN NOT MATCHED THEN
  INSERT (job, run_date, model_id, map_name, id_index, id)
  VALUES (job, run_date, model_id, map_name, id_index, id)
