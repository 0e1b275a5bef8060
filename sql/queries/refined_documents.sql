-- Question: how many documents has an extractor refined, and in how many did that change a pair?
-- Grain: one row. Inputs: refinements; $extractor.
select
  count(*)::integer as refined,
  count(*) filter (where is_changed)::integer as changed
from refinements
where extractor = $extractor
