-- Question: how many documents has an extractor refined, in how many did that change a pair, and in
-- how many did it drop every pair? Grain: one row.
-- Inputs: refinements, rejected_qa, extractions; $extractor, $dropped.
with dropped as (
  select
    content_hash,
    extractor,
    count(*) as n_pairs
  from rejected_qa
  where extractor = $extractor
    and reason = $dropped
  group by all
)
select
  count(*)::integer as refined,
  count(*) filter (is_changed)::integer as changed,
  count(*) filter (
    extractions.n_pairs = 0 and dropped.n_pairs = extractions.n_rejected
  )::integer as emptied
from refinements
left join extractions using (content_hash, extractor)
left join dropped using (content_hash, extractor)
where refinements.extractor = $extractor
