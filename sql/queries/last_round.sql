-- Question: which round did a campaign finish last? Grain: one row. Input: rounds; $campaign.
select coalesce(max(round), 0) as round
from rounds
where campaign = $campaign
