-- Question: under which settings was a campaign started? Grain: one row or none.
-- Input: campaign_settings; $campaign.
select
  fingerprint,
  settings
from campaign_settings
where campaign = $campaign
