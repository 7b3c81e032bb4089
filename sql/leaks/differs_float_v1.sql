/*
description: >
  Two rows of one key differ in a floating-point column by more than the rounding of a sum in another order; a row
  without a counterpart is counted elsewhere.
form: condition
identifiers: {column: column}
changes: {v1: first version}
*/
one._present AND other._present AND IF(
  ABS(one.`{column}` - other.`{column}`) < CAST('inf' AS FLOAT64),
  ABS(one.`{column}` - other.`{column}`) > GREATEST(1e-9 * ABS(one.`{column}`), 1e-9 * ABS(other.`{column}`), 1e-12),
  one.`{column}` IS DISTINCT FROM other.`{column}`
)
