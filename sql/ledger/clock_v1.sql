/*
description: BigQuery's present moment, and whether a moment of the caller lies after it.
parameters: {here: TIMESTAMP}
columns: {moment: TIMESTAMP, is_ahead: BOOL}
changes: {v1: first version}
*/
SELECT CURRENT_TIMESTAMP() AS moment, @here > CURRENT_TIMESTAMP() AS is_ahead
