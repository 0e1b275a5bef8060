-- Question: in which direction does a target pull a student? Grain: one row, if it is known.
-- Input: target_gradients; $scorer.
select gradient
from target_gradients
where scorer = $scorer
