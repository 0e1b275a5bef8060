-- Question: what did the scores that a round was chosen by or learned from take? Grain: one row.
-- What was scored, read or rated before the first round counts for that. Inputs: qa_scores,
-- extracted_qa, document_scores, student_states, target_gradients, document_ratings; $campaign,
-- $scorer ('': none), $hashes of the round's documents, $extractor, $is_first.
with spent as (
  select
    0 as n_tokens,
    0 as n_paid_tokens,
    0.0 as cost,
    0.0 as paid_cost,
    flops,
    seconds
  from qa_scores
  join extracted_qa using (qa_id)
  where scorer = $scorer
    and extractor = $extractor
    and content_hash in (select unnest($hashes::varchar[]))
  union all
  select
    0,
    0,
    0.0,
    0.0,
    flops,
    seconds
  from document_scores
  where scorer = $scorer
    and $is_first
  union all
  select
    0,
    0,
    0.0,
    0.0,
    flops,
    seconds
  from student_states
  where scorer = $scorer
    and $is_first
  union all
  select
    0,
    0,
    0.0,
    0.0,
    flops,
    seconds
  from target_gradients
  where scorer = $scorer
    and $is_first
  union all
  select
    prompt_tokens + completion_tokens,
    paid_prompt_tokens + paid_completion_tokens,
    cost,
    paid_cost,
    0.0,
    seconds
  from document_ratings
  where campaign = $campaign
    and $is_first
)
select
  coalesce(sum(n_tokens), 0)::bigint as scoring_tokens,
  coalesce(sum(n_paid_tokens), 0)::bigint as paid_scoring_tokens,
  coalesce(sum(cost), 0.0) as scoring_cost,
  coalesce(sum(paid_cost), 0.0) as paid_scoring_cost,
  coalesce(sum(flops), 0.0) as scoring_flops,
  coalesce(sum(seconds), 0.0) as scoring_seconds
from spent
