-- Question: which clusters did a round pull, why, and what came out? Grain: one pull.
-- Inputs: bandit_round, cluster_geometry; $campaign, $round.
select
  bandit_round.cluster,
  cluster_geometry.terms[:3] as terms,
  bandit_round.n_documents as documents,
  bandit_round.n_pairs as pairs,
  bandit_round.mean_reward,
  bandit_round.exploration_bonus,
  bandit_round.ucb_score,
  bandit_round.reward,
  bandit_round.prompt_tokens + bandit_round.completion_tokens as tokens,
  bandit_round.cost
from bandit_round
left join cluster_geometry using (cluster)
where campaign = $campaign
  and round = $round
order by pull
