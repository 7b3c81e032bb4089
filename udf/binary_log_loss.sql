/*
description: >
  Logarithmic loss of one prediction of a binary outcome, in nats. The probability is kept off 0 and 1 by the machine
  epsilon of FLOAT64 (2.220446049250313e-16), as scikit-learn's log_loss does.
changes: {v1: first version}
identifiers: {function: table}
*/
CREATE OR REPLACE FUNCTION `{function}`(label INT64, score FLOAT64) RETURNS FLOAT64 AS (
  -LN(GREATEST(LEAST(IF(label = 1, score, 1 - score), 1 - 2.220446049250313e-16), 2.220446049250313e-16))
)
