/*
description: Up to five keys of rows that are wrong.
identifiers: {table: table, key: columns, condition: expression}
changes: {v1: first version}
*/
SELECT `{key}`
FROM `{table}`
WHERE `{condition}`
ORDER BY `{key}`
LIMIT 5
