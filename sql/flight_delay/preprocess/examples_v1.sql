/*
description: |
  One row for each planned flight of the run date and of the days of history before it.
  A row knows what was known at its own midnight (example_as_of) and nothing later: an outcome counts
  from the New York day in which it became known, so a flight that landed after midnight is not yet in
  the rates of the next day's rows. Rates are shrunk toward the rate of all flights.
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
  departure_hour: INT64
  departure_minute: INT64
  arrival_hour: INT64
  scheduled_minutes: INT64
  distance: INT64
  day_of_week: INT64
  flights_origin_hour: INT64
  aircraft_leg: INT64
  aircraft_year: INT64
  aircraft_seats: INT64
  dest_lat: FLOAT64
  dest_lon: FLOAT64
  late_rate: FLOAT64
  late_rate_carrier_origin: FLOAT64
  late_rate_route: FLOAT64
  late_rate_tailnum: FLOAT64
  late_rate_carrier_hour: FLOAT64
  late_rate_1d: FLOAT64
  late_rate_origin_1d: FLOAT64
  late_rate_carrier_1d: FLOAT64
  temp: FLOAT64
  dewp: FLOAT64
  humid: FLOAT64
  wind_speed: FLOAT64
  pressure: FLOAT64
  visib: FLOAT64
  precip_day: FLOAT64
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
    origin, known_at, temp, dewp, humid, wind_speed, pressure, visib, precip,
    UNIX_DATE(DATE(TIMESTAMP_SUB(known_at, INTERVAL 1 MICROSECOND), @time_zone)) AS known_day
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
-- Plans stand at their own day, outcomes at the day in which they became known. On this time line
-- a frame that ends one day before a plan holds exactly what was known at its midnight.
timeline AS (
  SELECT day, carrier, origin, dest, tailnum, departure_hour, 0 AS known, 0 AS late
  FROM planned
  UNION ALL
  SELECT known_day AS day, carrier, origin, dest, tailnum, departure_hour, 1 AS known, late
  FROM landed
  JOIN planned USING (flight_date, carrier, flight, origin)
),
daily AS (
  SELECT
    CASE
      WHEN GROUPING(tailnum) = 0 THEN 'tailnum'
      WHEN GROUPING(dest) = 0 THEN 'route'
      WHEN GROUPING(departure_hour) = 0 THEN 'carrier hour'
      WHEN GROUPING(carrier) + GROUPING(origin) = 0 THEN 'carrier origin'
      WHEN GROUPING(origin) = 0 THEN 'origin'
      WHEN GROUPING(carrier) = 0 THEN 'carrier'
      ELSE 'all'
    END AS grain,
    day, carrier, origin, dest, tailnum, departure_hour, SUM(known) AS known, SUM(late) AS late
  FROM timeline
  GROUP BY GROUPING SETS (
    (day), (day, origin), (day, carrier), (day, carrier, origin), (day, carrier, departure_hour),
    (day, origin, dest), (day, tailnum)
  )
),
counts AS (
  SELECT
    grain, day, carrier, origin, dest, tailnum, departure_hour,
    SUM(known) OVER month AS known_28d, SUM(late) OVER month AS late_28d,
    SUM(known) OVER yesterday AS known_1d, SUM(late) OVER yesterday AS late_1d
  FROM daily
  WINDOW
    month AS (
      PARTITION BY grain, carrier, origin, dest, tailnum, departure_hour
      ORDER BY day RANGE BETWEEN 28 PRECEDING AND 1 PRECEDING
    ),
    yesterday AS (
      PARTITION BY grain, carrier, origin, dest, tailnum, departure_hour
      ORDER BY day RANGE BETWEEN 1 PRECEDING AND 1 PRECEDING
    )
),
overall AS (
  SELECT
    day, SAFE_DIVIDE(late_28d, known_28d) AS rate,
    SAFE_DIVIDE(late_1d, known_1d) AS rate_1d
  FROM counts
  WHERE grain = 'all'
),
rates AS (
  SELECT
    grain, counts.day, carrier, origin, dest, tailnum, departure_hour,
    (COALESCE(late_28d, 0) + @prior_flights * rate) / (COALESCE(known_28d, 0) + @prior_flights) AS rate,
    (COALESCE(late_1d, 0) + @prior_flights * rate) / (COALESCE(known_1d, 0) + @prior_flights) AS rate_1d
  FROM counts
  JOIN overall ON overall.day = counts.day
),
latest_weather AS (
  SELECT
    origin, known_day + 1 AS day,
    MAX_BY(temp, known_at) AS temp, MAX_BY(dewp, known_at) AS dewp, MAX_BY(humid, known_at) AS humid,
    MAX_BY(wind_speed, known_at) AS wind_speed, MAX_BY(pressure, known_at) AS pressure,
    MAX_BY(visib, known_at) AS visib, SUM(precip) AS precip
  FROM observed
  GROUP BY origin, known_day
),
flights AS (
  SELECT
    flight_date, day, carrier, flight, origin, dest, tailnum, departure_hour, departure_minute, distance, known_at,
    EXTRACT(HOUR FROM TIME(scheduled_arrival, @time_zone)) AS arrival_hour,
    TIMESTAMP_DIFF(scheduled_arrival, scheduled_departure, MINUTE) AS scheduled_minutes,
    COUNT(*) OVER (PARTITION BY flight_date, origin, departure_hour) AS flights_origin_hour,
    IF(tailnum IS NULL, NULL, RANK() OVER (PARTITION BY flight_date, tailnum ORDER BY scheduled_departure)) AS aircraft_leg
  FROM planned
  WHERE flight_date >= DATE_SUB(@run_date, INTERVAL @history_days DAY)
)
SELECT
  f.flight_date,
  f.carrier,
  f.flight,
  f.origin,
  f.known_at AS example_as_of,
  f.dest,
  f.departure_hour,
  f.departure_minute,
  f.arrival_hour,
  f.scheduled_minutes,
  f.distance,
  EXTRACT(DAYOFWEEK FROM f.flight_date) AS day_of_week,
  f.flights_origin_hour,
  f.aircraft_leg,
  a.year AS aircraft_year,
  a.seats AS aircraft_seats,
  p.lat AS dest_lat,
  p.lon AS dest_lon,
  every.rate AS late_rate,
  carrier_origin.rate AS late_rate_carrier_origin,
  route.rate AS late_rate_route,
  tail.rate AS late_rate_tailnum,
  carrier_hour.rate AS late_rate_carrier_hour,
  every.rate_1d AS late_rate_1d,
  one_origin.rate_1d AS late_rate_origin_1d,
  one_carrier.rate_1d AS late_rate_carrier_1d,
  w.temp,
  w.dewp,
  w.humid,
  w.wind_speed,
  w.pressure,
  w.visib,
  w.precip AS precip_day
FROM flights AS f
LEFT JOIN aircraft AS a ON a.tailnum = f.tailnum
LEFT JOIN places AS p ON p.airport = f.dest
LEFT JOIN latest_weather AS w ON w.origin = f.origin AND w.day = f.day
LEFT JOIN overall AS every ON every.day = f.day
LEFT JOIN rates AS one_origin
  ON one_origin.grain = 'origin' AND one_origin.day = f.day AND one_origin.origin = f.origin
LEFT JOIN rates AS one_carrier
  ON one_carrier.grain = 'carrier' AND one_carrier.day = f.day AND one_carrier.carrier = f.carrier
LEFT JOIN rates AS carrier_origin
  ON carrier_origin.grain = 'carrier origin' AND carrier_origin.day = f.day
  AND carrier_origin.carrier = f.carrier AND carrier_origin.origin = f.origin
LEFT JOIN rates AS route
  ON route.grain = 'route' AND route.day = f.day AND route.origin = f.origin AND route.dest = f.dest
LEFT JOIN rates AS tail
  ON tail.grain = 'tailnum' AND tail.day = f.day AND tail.tailnum = f.tailnum
LEFT JOIN rates AS carrier_hour
  ON carrier_hour.grain = 'carrier hour' AND carrier_hour.day = f.day
  AND carrier_hour.carrier = f.carrier AND carrier_hour.departure_hour = f.departure_hour
