/*
description: A row is wrong where a number lies outside of the range, or is no number (NaN); NULL is not judged.
form: condition
parameters: {low: FLOAT64, high: FLOAT64}
identifiers: {column: column}
changes: {v1: first version}
*/
NOT (`{column}` >= @low AND `{column}` <= @high)
