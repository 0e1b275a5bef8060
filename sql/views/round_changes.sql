-- Question: what did a round change? Grain: one finished round of one campaign.
-- Start with: from round_changes where campaign = 'NAME' and round = 7; its clusters are in
-- round_clusters. Inputs: rounds, bandit_round, qa_dataset.
create or replace view round_changes as
with pulled as (
  select
    campaign,
    round,
    count(*) as n_pulls,
    count(distinct cluster) as n_clusters,
    sum(n_documents) as n_documents,
    sum(n_pairs) as n_pairs,
    sum(n_failed) as n_failed,
    avg(reward) as mean_reward,
    max(reward) as best_reward,
    sum(prompt_tokens + completion_tokens) as tokens,
    sum(cost) as cost
  from bandit_round
  group by campaign, round
),
first_seen as (
  select
    campaign,
    round,
    count(*) as n_new_clusters
  from (
    select
      campaign,
      cluster,
      min(round) as round
    from bandit_round
    group by campaign, cluster
  )
  group by campaign, round
),
examples as (
  select
    campaign,
    round,
    count(*) as n_examples
  from qa_dataset
  group by campaign, round
)
select
  rounds.campaign,
  rounds.round,
  n_pulls,
  n_clusters,                                             -- pulled in the round
  coalesce(n_new_clusters, 0) as n_new_clusters,          -- of these, never pulled before
  n_documents::bigint as n_documents,                     -- requested in the round
  n_failed::bigint as n_failed,
  n_pairs::bigint as n_pairs,                             -- that the round added to the pool
  coalesce(n_examples, 0) as n_examples,                  -- of these, in the data set
  pool_pairs,                                             -- after the round
  lag(pool_ot_cost) over campaign_rounds as ot_cost_before, -- of the pool to the reference set
  pool_ot_cost as ot_cost_after,
  pool_ot_cost - ot_cost_before as ot_cost_change,        -- below 0: the pool came nearer
  lag(pulled.mean_reward) over campaign_rounds as mean_reward_before, -- of the round before
  pulled.mean_reward,                                     -- over the pulls of this one
  best_reward,
  expected_gain,                                          -- that the strategy predicted, if it does
  tokens::bigint as tokens,                               -- of extraction, whoever paid
  cost,
  seconds,
  ended_by
from rounds
join pulled using (campaign, round)
left join first_seen using (campaign, round)
left join examples using (campaign, round)
window campaign_rounds as (partition by rounds.campaign order by rounds.round)
