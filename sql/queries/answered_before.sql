-- Question: what has a campaign requested that others had paid? Grain: one row.
-- Inputs: bandit_round, document_ratings; $campaign.
with asked as (
  select
    prompt_tokens + completion_tokens - paid_prompt_tokens - paid_completion_tokens as n_tokens,
    cost - paid_cost as money
  from bandit_round
  where campaign = $campaign
  union all
  select
    prompt_tokens + completion_tokens - paid_prompt_tokens - paid_completion_tokens as n_tokens,
    cost - paid_cost as money
  from document_ratings
  where campaign = $campaign
)
select
  coalesce(sum(n_tokens), 0)::bigint as tokens,
  coalesce(sum(money), 0.0) as cost
from asked
