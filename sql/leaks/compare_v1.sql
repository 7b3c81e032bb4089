/*
description: Compares two sets of examples by their keys - rows that only one of them has, and differences by column.
identifiers: {one: query, other: query, key: columns, differences: expressions}
changes: {v1: first version}
*/
SELECT
  COUNT(*) AS row_count,
  COUNTIF(one._present IS NULL OR other._present IS NULL) AS unpaired_rows,
  `{differences}`
FROM `{one}` AS one
FULL JOIN `{other}` AS other USING (`{key}`)
