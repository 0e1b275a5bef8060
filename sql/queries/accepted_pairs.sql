-- Question: how many pairs had a campaign accepted when they were last counted? Grain: one row.
-- Input: rounds; $campaign.
select
  max(round) filter (accepted_pairs is not null) as round, -- of the last count; null: none
  arg_max(near_pairs, round) filter (accepted_pairs is not null) as near_pairs,
  arg_max(ended_by, round) as ended_by,
  arg_max(ended_because, round) as ended_because
from rounds
where campaign = $campaign
