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
    sum(paid_prompt_tokens + paid_completion_tokens) as n_paid_tokens,
    sum(cost) as round_cost,
    sum(paid_cost) as round_paid_cost,
    sum(n_cached) as round_cached,
    sum(n_failed) as round_failed,
    sum(n_rejected) as round_rejected,
    sum(n_requests) as n_requests,
    sum(n_tries) as n_tries,
    sum(request_seconds) / nullif(sum(n_tries), 0) as latency_seconds
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
  target_coverage,
  near_pairs,
  random_coverage,
  random_coverage_low,
  random_coverage_high,
  random_near_pairs,
  random_near_pairs_low,
  random_near_pairs_high,
  pays,
  pool_ot_cost,
  pool_pairs,
  sum(n_documents) over (order by round)::bigint as documents,
  sum(n_tokens + scoring_tokens) over (order by round)::bigint as tokens,
  sum(n_paid_tokens + paid_scoring_tokens) over (order by round)::bigint as paid_tokens,
  sum(round_cost + scoring_cost) over (order by round) as cost,
  sum(round_paid_cost + paid_scoring_cost) over (order by round) as paid_cost,
  sum(round_cached) over (order by round)::bigint as n_cached,
  sum(round_failed) over (order by round)::bigint as n_failed,
  sum(round_rejected) over (order by round)::bigint as n_rejected,
  n_requests::bigint as n_requests,
  n_tries::bigint as n_tries,
  latency_seconds,
  seconds
from rounds
join pulled using (round)
where campaign = $campaign
order by round
