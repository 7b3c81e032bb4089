/*
description: Up to five keys that labels share, in order.
identifiers: {labels: query, key: columns}
changes: {v1: first version}
*/
SELECT `{key}`
FROM `{labels}`
GROUP BY `{key}`
HAVING COUNT(*) > 1
ORDER BY `{key}`
LIMIT 5
