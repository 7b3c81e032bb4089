/*
description: |
  Whether a flight arrived more than @late_minutes late, for run dates from @first_date to @last_date and
  as far as it is known at @as_of. Cancelled and diverted flights never arrive and have no label.
parameters:
  as_of: TIMESTAMP
  first_date: DATE
  last_date: DATE
  late_minutes: INT64
identifiers:
  flight_outcomes: table
columns:
  flight_date: DATE
  carrier: STRING
  flight: INT64
  origin: STRING
  label: INT64
changes:
  v1: first version
*/
SELECT
  flight_date,
  carrier,
  flight,
  origin,
  IF(arr_delay > @late_minutes, 1, 0) AS label
FROM `{flight_outcomes}`
WHERE known_at <= @as_of
  AND flight_date BETWEEN @first_date AND @last_date
