-- Question: where does each campaign stand? Grain: one campaign that has started.
-- Inputs: rounds, bandit_round, bandit_documents, documents, qa_dataset.
with spent as (
  select
    campaign,
    sum(n_documents) as documents,
    sum(n_pairs) as pairs,
    sum(prompt_tokens + completion_tokens) as tokens,
    sum(paid_prompt_tokens + paid_completion_tokens) as paid_tokens,
    sum(cost) as cost,
    sum(paid_cost) as paid_cost,
    sum(n_failed) as failed
  from bandit_round
  group by campaign
),
played as (
  select
    campaign,
    max(round) as rounds,
    max(ended_by) as ended_by,
    arg_max(ended_because, round) as ended_because,
    arg_max(accepted_pairs, round) as accepted,
    arg_min(pool_ot_cost, round) as ot_cost_first,
    arg_max(pool_ot_cost, round) as ot_cost_last,
    sum(seconds) as seconds,
    sum(scoring_tokens) as scoring_tokens,
    sum(paid_scoring_tokens) as paid_scoring_tokens,
    sum(scoring_cost) as scoring_cost,
    sum(paid_scoring_cost) as paid_scoring_cost
  from rounds
  group by campaign
),
cut as (
  select
    campaign,
    count(page) as chunks,
    count(distinct page) as pages
  from bandit_documents
  join documents using (document_id)
  group by campaign
),
examples as (
  select
    campaign,
    count(*) as examples
  from qa_dataset
  group by campaign
)
select
  campaign,
  rounds,
  ended_by,
  ended_because, -- in words
  accepted,      -- pairs that the data set keeps; null: not counted
  documents::bigint as documents,
  coalesce(chunks, 0) as chunks, -- of the documents
  coalesce(pages, 0) as pages,   -- that the chunks are of
  pairs::bigint as pairs,
  (tokens + scoring_tokens)::bigint as tokens,
  (paid_tokens + paid_scoring_tokens)::bigint as paid_tokens,
  cost + scoring_cost as cost,
  paid_cost + paid_scoring_cost as paid_cost,
  failed::bigint as failed,
  ot_cost_first,
  ot_cost_last,
  examples,
  seconds
from played
join spent using (campaign)
left join cut using (campaign)
left join examples using (campaign)
order by campaign
