/*
description: |
  One row for each planned flight of the run date and of the days of history before it.
  A row knows what was known at its own midnight (example_as_of) and nothing later: an outcome counts
  from the New York day in which it became known, so a flight that landed after midnight is not yet in
  the rates of the next day's rows. Rates are over 28 days and shrunk toward the rate of all flights.
  Columns that start with city_ have one value for all rows of a day.
parameters:
  as_of: TIMESTAMP
  run_date: DATE
  time_zone: STRING
  history_days: INT64
  late_minutes: INT64
  prior_flights: FLOAT64
identifiers:
  flights_schedule: table
  flight_outcomes: table
  weather: table
  planes: table
  airports: table
columns:
  flight_date: DATE
  carrier: STRING
  flight: INT64
  origin: STRING
  example_as_of: TIMESTAMP
  dest: STRING
  day_of_week: INT64
  departure_hour: INT64
  departure_minute: INT64
  scheduled_minutes: INT64
  distance: INT64
  dest_lat: FLOAT64
  dest_lon: FLOAT64
  aircraft_year: INT64
  aircraft_seats: INT64
  aircraft_gap_minutes: INT64
  flights_origin_hour: INT64
  flights_carrier_origin: INT64
  late_rate: FLOAT64
  late_rate_carrier_origin: FLOAT64
  late_rate_route: FLOAT64
  late_rate_tailnum: FLOAT64
  late_rate_carrier_hour: FLOAT64
  late_rate_flight: FLOAT64
  city_flights: INT64
  city_late_rate_1d: FLOAT64
  city_evening_late_rate_1d: FLOAT64
  city_unfinished_1d: FLOAT64
  city_wind_west: FLOAT64
  city_wind_south: FLOAT64
  city_pressure_change: FLOAT64
  city_humid: FLOAT64
  city_dewp: FLOAT64
  city_visib: FLOAT64
checks:
  - row_count: {min: 100}
  - not_null: [dest, departure_hour, scheduled_minutes, flights_origin_hour]
  - accepted_values: {column: origin, values: [EWR, JFK, LGA]}
  - range: {column: departure_hour, min: 0, max: 23}
  - range: {column: late_rate_carrier_hour, min: 0, max: 1}
changes:
  v1: first version
*/
WITH
planned AS (
  SELECT
    flight_date, UNIX_DATE(flight_date) AS day, carrier, flight, origin, dest, tailnum, scheduled_departure,
    scheduled_arrival, distance, departure_hour, departure_minute, known_at
  FROM `{flights_schedule}`
  WHERE known_at <= @as_of
    AND flight_date BETWEEN DATE_SUB(@run_date, INTERVAL @history_days + 30 DAY) AND @run_date
),
landed AS (
  SELECT
    flight_date, carrier, flight, origin,
    IF(arr_delay > @late_minutes, 1, 0) AS late,
    -- what becomes known at midnight itself is known to the rows of that midnight
    UNIX_DATE(DATE(TIMESTAMP_SUB(known_at, INTERVAL 1 MICROSECOND), @time_zone)) AS known_day
  FROM `{flight_outcomes}`
  WHERE known_at <= @as_of
    AND flight_date BETWEEN DATE_SUB(@run_date, INTERVAL @history_days + 30 DAY) AND @run_date
),
observed AS (
  SELECT
    UNIX_DATE(DATE(TIMESTAMP_SUB(known_at, INTERVAL 1 MICROSECOND), @time_zone)) AS known_day,
    EXTRACT(HOUR FROM TIME(TIMESTAMP_SUB(known_at, INTERVAL 1 MICROSECOND), @time_zone)) AS known_hour,
    -- the vector of the wind; calm and variable wind has no direction and adds nothing
    COALESCE(-wind_speed * SIN(wind_dir * ACOS(-1) / 180), 0) AS wind_west,
    COALESCE(-wind_speed * COS(wind_dir * ACOS(-1) / 180), 0) AS wind_south,
    humid, dewp, visib, pressure
  FROM `{weather}`
  WHERE known_at <= @as_of
),
aircraft AS (
  SELECT tailnum, year, seats
  FROM `{planes}`
),
places AS (
  SELECT airport, lat, lon
  FROM `{airports}`
),
flights AS (
  SELECT
    p.flight_date, p.day, p.carrier, p.flight, p.origin, p.dest, p.tailnum, p.scheduled_departure, p.scheduled_arrival,
    p.distance, p.departure_hour, p.departure_minute, p.known_at, l.late, l.known_day
  FROM planned AS p
  LEFT JOIN landed AS l
    ON l.flight_date = p.flight_date AND l.carrier = p.carrier AND l.flight = p.flight AND l.origin = p.origin
),
-- Plans stand at their own day, outcomes at the day in which they became known. On this time line
-- a frame that ends one day before a plan holds exactly what was known at its midnight.
timeline AS (
  SELECT day, carrier, flight, origin, dest, tailnum, departure_hour, 0 AS known, 0 AS late
  FROM flights
  UNION ALL
  SELECT known_day AS day, carrier, flight, origin, dest, tailnum, departure_hour, 1 AS known, late
  FROM flights
  WHERE known_day IS NOT NULL
),
daily AS (
  SELECT
    CASE
      WHEN GROUPING(tailnum) = 0 THEN 'tailnum'
      WHEN GROUPING(flight) = 0 THEN 'flight'
      WHEN GROUPING(dest) = 0 THEN 'route'
      WHEN GROUPING(departure_hour) = 0 THEN 'carrier hour'
      WHEN GROUPING(origin) = 0 THEN 'carrier origin'
      ELSE 'all'
    END AS grain,
    day, carrier, flight, origin, dest, tailnum, departure_hour, SUM(known) AS known, SUM(late) AS late,
    SUM(IF(departure_hour >= 17, known, 0)) AS evening_known, SUM(IF(departure_hour >= 17, late, 0)) AS evening_late
  FROM timeline
  GROUP BY GROUPING SETS (
    (day), (day, carrier, origin), (day, carrier, departure_hour), (day, origin, dest), (day, carrier, flight),
    (day, tailnum)
  )
),
counts AS (
  SELECT
    grain, day, carrier, flight, origin, dest, tailnum, departure_hour, known, late, evening_known, evening_late,
    COALESCE(SUM(known) OVER month, 0) AS known_28d, COALESCE(SUM(late) OVER month, 0) AS late_28d
  FROM daily
  WINDOW month AS (
    PARTITION BY grain, carrier, flight, origin, dest, tailnum, departure_hour
    ORDER BY day RANGE BETWEEN 28 PRECEDING AND 1 PRECEDING
  )
),
overall AS (
  SELECT day, SAFE_DIVIDE(late_28d, known_28d) AS rate
  FROM counts
  WHERE grain = 'all'
),
rates AS (
  SELECT
    grain, c.day, carrier, flight, origin, dest, tailnum, departure_hour,
    SAFE_DIVIDE(late_28d + @prior_flights * rate, known_28d + @prior_flights) AS rate
  FROM counts AS c
  INNER JOIN overall AS o ON o.day = c.day
),
yesterday AS (
  SELECT
    day + 1 AS day, SAFE_DIVIDE(late, known) AS rate, SAFE_DIVIDE(evening_late, evening_known) AS evening_rate
  FROM counts
  WHERE grain = 'all'
),
city AS (
  SELECT day, COUNT(*) AS flights, AVG(IF(known_day = day, 0, 1)) AS unfinished
  FROM flights
  GROUP BY day
),
-- Rounded: the sum of floats depends on the order of the rows, and a row must be the same in every run.
city_weather AS (
  SELECT
    known_day + 1 AS day,
    ROUND(AVG(IF(known_hour >= 21, wind_west, NULL)), 4) AS wind_west,
    ROUND(AVG(IF(known_hour >= 21, wind_south, NULL)), 4) AS wind_south,
    ROUND(AVG(IF(known_hour >= 21, humid, NULL)), 4) AS humid,
    ROUND(AVG(IF(known_hour >= 21, dewp, NULL)), 4) AS dewp,
    ROUND(AVG(IF(known_hour >= 21, visib, NULL)), 4) AS visib,
    ROUND(
      AVG(IF(known_hour >= 21, pressure, NULL)) - AVG(IF(known_hour BETWEEN 15 AND 17, pressure, NULL)), 4
    ) AS pressure_change
  FROM observed
  GROUP BY known_day
),
traffic AS (
  SELECT
    flight_date, day, carrier, flight, origin, dest, tailnum, departure_hour, departure_minute, distance, known_at,
    TIMESTAMP_DIFF(scheduled_arrival, scheduled_departure, MINUTE) AS scheduled_minutes,
    TIMESTAMP_DIFF(
      scheduled_departure,
      LAG(scheduled_departure) OVER (PARTITION BY tailnum ORDER BY scheduled_departure, carrier, flight, origin),
      MINUTE
    ) AS gap_minutes,
    COUNT(*) OVER (PARTITION BY day, origin, departure_hour) AS flights_origin_hour,
    COUNT(*) OVER (PARTITION BY day, carrier, origin) AS flights_carrier_origin
  FROM flights
)
SELECT
  t.flight_date,
  t.carrier,
  t.flight,
  t.origin,
  t.known_at AS example_as_of,
  t.dest,
  EXTRACT(DAYOFWEEK FROM t.flight_date) AS day_of_week,
  t.departure_hour,
  t.departure_minute,
  t.scheduled_minutes,
  t.distance,
  p.lat AS dest_lat,
  p.lon AS dest_lon,
  a.year AS aircraft_year,
  a.seats AS aircraft_seats,
  -- capped, so that it does not depend on how far back this query reads
  IF(t.tailnum IS NULL, NULL, COALESCE(LEAST(t.gap_minutes, 1440), 1440)) AS aircraft_gap_minutes,
  t.flights_origin_hour,
  t.flights_carrier_origin,
  o.rate AS late_rate,
  carrier_origin.rate AS late_rate_carrier_origin,
  route.rate AS late_rate_route,
  tail.rate AS late_rate_tailnum,
  carrier_hour.rate AS late_rate_carrier_hour,
  number.rate AS late_rate_flight,
  c.flights AS city_flights,
  y.rate AS city_late_rate_1d,
  y.evening_rate AS city_evening_late_rate_1d,
  before.unfinished AS city_unfinished_1d,
  w.wind_west AS city_wind_west,
  w.wind_south AS city_wind_south,
  w.pressure_change AS city_pressure_change,
  w.humid AS city_humid,
  w.dewp AS city_dewp,
  w.visib AS city_visib
FROM traffic AS t
LEFT JOIN aircraft AS a ON a.tailnum = t.tailnum
LEFT JOIN places AS p ON p.airport = t.dest
LEFT JOIN overall AS o ON o.day = t.day
LEFT JOIN yesterday AS y ON y.day = t.day
LEFT JOIN city AS c ON c.day = t.day
LEFT JOIN city AS before ON before.day = t.day - 1
LEFT JOIN city_weather AS w ON w.day = t.day
LEFT JOIN rates AS carrier_origin
  ON carrier_origin.grain = 'carrier origin' AND carrier_origin.day = t.day
    AND carrier_origin.carrier = t.carrier AND carrier_origin.origin = t.origin
LEFT JOIN rates AS route
  ON route.grain = 'route' AND route.day = t.day AND route.origin = t.origin AND route.dest = t.dest
LEFT JOIN rates AS tail
  ON tail.grain = 'tailnum' AND tail.day = t.day AND tail.tailnum = t.tailnum
LEFT JOIN rates AS carrier_hour
  ON carrier_hour.grain = 'carrier hour' AND carrier_hour.day = t.day
    AND carrier_hour.carrier = t.carrier AND carrier_hour.departure_hour = t.departure_hour
LEFT JOIN rates AS number
  ON number.grain = 'flight' AND number.day = t.day AND number.carrier = t.carrier AND number.flight = t.flight
WHERE t.flight_date >= DATE_SUB(@run_date, INTERVAL @history_days DAY)
