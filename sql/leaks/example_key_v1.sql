/*
description: A key for which two sets of examples differ.
identifiers: {one: query, other: query, key: columns, condition: expression}
changes: {v1: first version}
*/
SELECT `{key}`
FROM `{one}` AS one
FULL JOIN `{other}` AS other USING (`{key}`)
WHERE one._present IS NULL OR other._present IS NULL OR `{condition}`
ORDER BY `{key}`
LIMIT 1
