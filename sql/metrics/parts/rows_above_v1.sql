/*
description: >
  The number of rows of a slice with this score or a higher one: their weight where all rows weigh 1. To count is
  cheaper than to add.
form: value
changes: {v1: first version}
*/
CAST(COUNT(*) OVER (PARTITION BY model, slice ORDER BY score DESC) AS FLOAT64)
