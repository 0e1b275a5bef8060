-- Question: where does a campaign's target lie on the map of clusters? Grain: one reference pair.
-- Input: reference_plane; $campaign.
select
  position,
  x,
  y
from reference_plane
where campaign = $campaign
order by position
