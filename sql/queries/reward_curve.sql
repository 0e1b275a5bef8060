-- Question: what did a campaign gain, round by round? Grain: one round.
-- Inputs: rounds, bandit_round; $campaign.
with pulled as (
  select
    round,
    count(*) as n_pulls,
    avg(reward) as mean_reward,
    max(reward) as best_reward,
    sum(n_documents) as n_documents,
    sum(prompt_tokens + completion_tokens) as n_tokens,
    sum(paid_prompt_tokens + paid_completion_tokens) as n_paid_tokens
  from bandit_round
  where campaign = $campaign
  group by round
)
select
  campaign,
  round,
  n_pulls::integer as n_pulls,
  mean_reward,
  best_reward,
  pool_ot_cost,
  pool_pairs,
  sum(n_documents) over (order by round)::bigint as documents,
  sum(n_tokens) over (order by round)::bigint as tokens,
  sum(n_paid_tokens) over (order by round)::bigint as paid_tokens,
  seconds
from rounds
join pulled using (round)
where campaign = $campaign
order by round
