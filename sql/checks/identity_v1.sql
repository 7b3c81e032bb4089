/*
description: What tells the rows of a group apart from those of other groups; keys are unique, so a group is one row.
form: aggregate
identifiers: {columns: columns}
changes: {v1: first version}
*/
ANY_VALUE(TO_JSON_STRING(STRUCT(`{columns}`)))
