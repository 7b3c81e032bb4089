/*
description: The weight of the rows of a slice with this score or a higher one; columns are those of the family.
form: value
changes: {v1: first version}
*/
SUM(weight) OVER (PARTITION BY model, slice ORDER BY score DESC)
