/*
description: >
  What users turned to in the seven days from the midnight (UTC) that starts @last_date, as far as it is known at
  @as_of: 3 for a purchase that was kept, 2 for a cart, 1 for a view. Items that a user had bought by then are left out,
  since they are not recommended again. activity and acquaintance say what was known of the user by that midnight.
parameters:
  as_of: TIMESTAMP
  first_date: DATE
  last_date: DATE
  window_days: INT64
  events_a_day: INT64
identifiers: {shop_events: table}
columns:
  user_id: STRING
  item_id: STRING
  label: INT64
  activity: STRING
  acquaintance: STRING
changes: {v1: first version}
*/
WITH
delivered AS (
  SELECT
    user_id, item_id, event_type, quantity, event_time,
    event_time >= TIMESTAMP(@last_date) AS is_after,
    arrival_time <= TIMESTAMP(@last_date) AS was_known
  FROM `{shop_events}`
  WHERE arrival_time <= @as_of
    AND event_time < TIMESTAMP(DATE_ADD(@last_date, INTERVAL 7 DAY))
    AND event_time >= TIMESTAMP(DATE_SUB(@first_date, INTERVAL @window_days DAY))
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
users AS (
  SELECT delivered.user_id, COUNTIF(NOT is_after AND was_known) AS events_before
  FROM delivered
  LEFT JOIN robots ON delivered.user_id = robots.user_id
  WHERE robots.user_id IS NULL
  GROUP BY delivered.user_id
),
items AS (
  SELECT
    user_id, item_id,
    COALESCE(SUM(IF(event_type = 'purchase' AND NOT is_after AND was_known, quantity, 0)) > 0, FALSE) AS was_bought,
    COALESCE(SUM(IF(event_type = 'purchase' AND is_after, quantity, 0)) > 0, FALSE) AS is_bought,
    COUNTIF(event_type = 'cart' AND is_after) > 0 AS is_in_cart,
    COUNTIF(event_type = 'view' AND is_after) > 0 AS is_viewed
  FROM delivered
  GROUP BY user_id, item_id
)
SELECT
  user_id,
  item_id,
  CASE WHEN is_bought THEN 3 WHEN is_in_cart THEN 2 ELSE 1 END AS label,
  CASE WHEN events_before >= 20 THEN 'often' WHEN events_before > 0 THEN 'seldom' ELSE 'never' END AS activity,
  IF(events_before > 0, 'returning', 'new') AS acquaintance
FROM items
INNER JOIN users USING (user_id)
WHERE NOT was_bought
  AND (is_bought OR is_in_cart OR is_viewed)
