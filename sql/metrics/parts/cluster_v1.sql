/*
description: The cluster of a row, told by columns of the labels or of the prediction key.
form: value
identifiers: {columns: columns}
changes: {v1: first version}
*/
TO_JSON_STRING(STRUCT(`{columns}`))
