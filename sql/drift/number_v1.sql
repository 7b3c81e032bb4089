/*
description: A number as FLOAT64; NaN counts as missing.
form: value
identifiers: {column: column}
changes: {v1: first version}
*/
IF(IS_NAN(SAFE_CAST(`{column}` AS FLOAT64)), NULL, SAFE_CAST(`{column}` AS FLOAT64))
