/*
description: A table that is never made - a dry run of this tells whether it may be.
identifiers: {table: table}
changes: {v1: first version}
*/
CREATE TABLE IF NOT EXISTS `{table}` (nothing INT64)
