-- Question: what did a round learn about the clusters that it pulled? Grain: one cluster of one
-- round of one campaign. Start with: from round_clusters where campaign = 'NAME' and round = 7.
-- Inputs: bandit_round, qa_dataset.
create or replace view round_clusters as
with pulled as (
  select
    campaign,
    round,
    cluster,
    count(*) as n_pulls,
    sum(n_documents) as n_documents,
    sum(n_pairs) as n_pairs,
    arg_min(mean_reward, pull) as mean_reward,
    arg_min(exploration_bonus, pull) as exploration_bonus,
    arg_min(ucb_score, pull) as ucb_score,
    arg_max(reward, pull) as reward
  from bandit_round
  group by campaign, round, cluster
),
examples as (
  select
    campaign,
    round,
    cluster,
    count(*) as n_examples
  from qa_dataset
  group by campaign, round, cluster
)
select
  campaign,
  round,
  cluster,
  n_pulls,
  n_documents::bigint as n_documents,    -- requested
  n_pairs::bigint as n_pairs,            -- extracted
  coalesce(n_examples, 0) as n_examples, -- of these, in the data set
  mean_reward,                           -- the parts of the score that chose it, in the unit of the
  exploration_bonus,                     -- strategy
  ucb_score,
  lag(reward) over cluster_rounds as reward_before, -- minus OT cost of its pairs after the pull before;
                                         -- null: it had never been pulled
  reward as reward_after,
  reward_after - reward_before as reward_change
from pulled
left join examples using (campaign, round, cluster)
window cluster_rounds as (partition by campaign, cluster order by round)
