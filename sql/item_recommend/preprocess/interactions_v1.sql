/*
description: >
  How much each user has to do with each item at @as_of: events of the last @window_days days, weighted by what they are
  and halved every @half_life_days days. An event that was delivered again counts once, by its first arrival. Whoever
  sends more than @events_a_day events on some day is a robot and left out. Purchases that were returned whole (their
  quantities add up to nothing) count as not made. An item has support where at least @item_users users have to do with
  it. Weights are rounded: the sum of floats depends on the order of the rows, and a row must be the same in every run.
parameters:
  as_of: TIMESTAMP
  window_days: INT64
  view_weight: FLOAT64
  cart_weight: FLOAT64
  purchase_weight: FLOAT64
  half_life_days: FLOAT64
  events_a_day: INT64
  item_users: INT64
identifiers: {shop_events: table}
columns:
  user_id: STRING
  item_id: STRING
  example_as_of: TIMESTAMP
  weight: FLOAT64
  is_bought: BOOL
  has_support: BOOL
checks:
  - range: {column: weight, min: 0}
changes: {v1: first version}
*/
WITH
delivered AS (
  SELECT user_id, item_id, event_type, event_time, quantity
  FROM `{shop_events}`
  WHERE arrival_time <= @as_of
    AND event_time < @as_of
    AND event_time >= TIMESTAMP_SUB(@as_of, INTERVAL @window_days DAY)
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY user_id, item_id, event_type, event_time ORDER BY arrival_time ASC, quantity DESC
    ) = 1
),
days AS (
  SELECT user_id, COUNT(*) AS events
  FROM delivered
  GROUP BY user_id, TIMESTAMP_TRUNC(event_time, DAY)
),
robots AS (
  SELECT user_id
  FROM days
  GROUP BY user_id
  HAVING MAX(events) > @events_a_day
),
bought AS (
  SELECT
    delivered.user_id, item_id, event_type, event_time, quantity,
    SUM(IF(event_type = 'purchase', quantity, 0)) OVER (PARTITION BY delivered.user_id, item_id) AS kept_quantity
  FROM delivered
  LEFT JOIN robots ON delivered.user_id = robots.user_id
  WHERE robots.user_id IS NULL
),
weighted AS (
  SELECT
    user_id, item_id,
    MAX(kept_quantity) > 0 AS is_bought,
    ROUND(
      SUM(
        CASE
          WHEN event_type = 'view' THEN @view_weight
          WHEN event_type = 'cart' THEN @cart_weight
          WHEN event_type = 'purchase' AND quantity > 0 AND kept_quantity > 0 THEN @purchase_weight
          ELSE 0.0
        END
        * POW(0.5, TIMESTAMP_DIFF(@as_of, event_time, HOUR) / 24 / @half_life_days)
      ),
      6
    ) AS weight
  FROM bought
  GROUP BY user_id, item_id
)
SELECT
  user_id,
  item_id,
  @as_of AS example_as_of,
  weight,
  is_bought,
  COUNT(*) OVER (PARTITION BY item_id) >= @item_users AS has_support
FROM weighted
WHERE weight > 0
