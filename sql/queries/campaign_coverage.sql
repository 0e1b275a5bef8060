-- Question: what does a campaign cover, and what has it taken? Grain: one row; without rounds, none.
-- Inputs: rounds, bandit_round; $campaign.
with spent as (
  select
    sum(n_documents) as documents,
    sum(prompt_tokens + completion_tokens) as tokens
  from bandit_round
  where campaign = $campaign
)
select
  arg_max(question_masses, round) as question_masses, -- null: played before they were kept
  coalesce(arg_max(near_pairs, round), 0) as near_pairs,
  list(pays order by round) as pays,
  any_value(documents)::bigint as documents,
  (any_value(tokens) + sum(scoring_tokens))::bigint as tokens
from rounds
cross join spent
where campaign = $campaign
having count(*) > 0
