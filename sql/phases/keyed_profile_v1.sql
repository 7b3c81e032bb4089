/*
description: >
  Counts the rows of a keyed run table (loaded predictions, labels) and fingerprints them, whatever their order.
identifiers: {table: table, key: columns, columns: columns}
columns: {row_count: INT64, duplicate_keys: INT64, checksum: INT64}
changes: {v1: first version}
*/
SELECT
  COUNT(*) AS row_count,
  COUNT(*) - COUNT(DISTINCT TO_JSON_STRING(STRUCT(`{key}`))) AS duplicate_keys,
  COALESCE(BIT_XOR(FARM_FINGERPRINT(TO_JSON_STRING(STRUCT(`{columns}`)))), 0) AS checksum
FROM `{table}`
