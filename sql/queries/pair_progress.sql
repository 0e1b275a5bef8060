-- Question: how do the near pairs of a campaign grow? Grain: one round, in order; those of earlier
-- versions are left out. Inputs: rounds, bandit_round; $campaign.
select
  rounds.round,
  sum(n_documents)::bigint as documents,                                -- of the round
  near_pairs - lag(near_pairs, 1, 0) over (order by rounds.round) as near_pairs, -- of the round
  near_pairs as near_pairs_so_far,
  accepted_pairs,                                                       -- null: not counted then
  seconds
from rounds
join bandit_round using (campaign, round)
where campaign = $campaign
  and near_pairs is not null
group by rounds.round, near_pairs, accepted_pairs, seconds
order by rounds.round
