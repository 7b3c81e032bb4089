/*
description: >
  Makes the examples of a run: the job's examples with the labels known by then, what each row is for, and its shard.
  A row is scored when its moment is the run's. It trains when its own moment has passed and its label is known, or,
  where @trains_on is 'scored', when it is scored. Only rows to score have a shard: a fingerprint of each row in the
  history would cost more than the rest of the statement. Rows of a shard lie together, so that who scores one reads
  little of the others.
parameters: {as_of: TIMESTAMP, shards: INT64, trains_on: STRING}
identifiers: {table: table, examples: query, labels: query, key: columns, entity: columns}
changes: {v1: first version}
*/
CREATE OR REPLACE TABLE `{table}`
CLUSTER BY _shard AS
SELECT
  examples.*,
  labels.label,
  IF(
    @trains_on = 'scored', examples.example_as_of = @as_of, examples.example_as_of < @as_of AND labels.label IS NOT NULL
  ) AS _trains,
  examples.example_as_of = @as_of AS _scores,
  IF(
    examples.example_as_of = @as_of,
    ABS(MOD(FARM_FINGERPRINT(TO_JSON_STRING(STRUCT(`{entity}`))), @shards)),
    NULL
  ) AS _shard
FROM `{examples}` AS examples
LEFT JOIN `{labels}` AS labels USING (`{key}`)
