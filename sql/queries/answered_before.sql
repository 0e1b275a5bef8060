-- Question: what has a campaign asked for that others had paid? Grain: one row.
-- Input: bandit_round; $campaign.
select
  coalesce(
    sum(prompt_tokens + completion_tokens - paid_prompt_tokens - paid_completion_tokens), 0
  )::bigint as tokens,
  coalesce(sum(cost - paid_cost), 0.0) as cost
from bandit_round
where campaign = $campaign
