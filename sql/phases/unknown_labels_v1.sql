/*
description: >
  Up to five keys of labels that have no prediction, and how many such labels there are. A label without a value is
  none.
identifiers: {predictions: table, labels: table, key: columns}
changes: {v1: first version}
*/
WITH predicted AS (SELECT `{key}`, TRUE AS is_predicted FROM `{predictions}`)
SELECT
  `{key}`,
  COUNT(*) OVER () AS unknown
FROM `{labels}`
LEFT JOIN predicted USING (`{key}`)
WHERE label IS NOT NULL AND predicted.is_predicted IS NULL
ORDER BY `{key}`
LIMIT 5
