-- Question: when was a campaign played, from the start of its first round? Grain: one row.
-- Input: rounds; $campaign.
select
  min(finished_at - to_microseconds((seconds * 1e6)::bigint)) as started_at,
  max(finished_at) as finished_at
from rounds
where campaign = $campaign
