/*
description: Two rows of one key differ in a column; a row without a counterpart is counted elsewhere.
form: condition
identifiers: {column: column}
changes: {v1: first version}
*/
one._present AND other._present AND one.`{column}` IS DISTINCT FROM other.`{column}`
