/*
description: A row is wrong where another row has the same values in these columns.
form: condition
identifiers: {table: table, columns: columns}
changes: {v1: first version}
*/
TO_JSON_STRING(STRUCT(`{columns}`)) IN (
  SELECT TO_JSON_STRING(STRUCT(`{columns}`)) FROM `{table}` GROUP BY 1 HAVING COUNT(*) > 1
)
