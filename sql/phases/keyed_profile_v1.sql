/*
description: >
  Counts the rows of a keyed run table (loaded predictions, labels) and those that fail each check, and fingerprints
  them, whatever their order, in one scan.
identifiers: {table: table, key: columns, columns: columns, counted: expressions, checked: expressions}
changes: {v1: first version}
*/
SELECT
  COALESCE(SUM(rows_of_key), 0) AS row_count,
  COALESCE(SUM(rows_of_key - 1), 0) AS duplicate_keys,
  COALESCE(BIT_XOR(checksum), 0) AS checksum,
  `{checked}`
FROM (
  SELECT
    COUNT(*) AS rows_of_key,
    BIT_XOR(FARM_FINGERPRINT(TO_JSON_STRING(STRUCT(`{columns}`)))) AS checksum,
    `{counted}`
  FROM `{table}`
  GROUP BY `{key}`
) AS keys
