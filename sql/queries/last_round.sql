-- Question: which round did a campaign finish last, when, and did it end there? Grain: one row.
-- Input: rounds; $campaign.
select
  coalesce(max(round), 0) as round,
  arg_max(ended_by, round) as ended_by, -- null while it can go on
  max(finished_at) as finished_at
from rounds
where campaign = $campaign
