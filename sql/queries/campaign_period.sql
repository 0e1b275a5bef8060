-- Question: when was a campaign played? Grain: one row. Inputs: campaign_settings, rounds; $campaign.
select
  min(started_at) as started_at,
  max(finished_at) as finished_at
from campaign_settings
join rounds using (campaign)
where campaign = $campaign
