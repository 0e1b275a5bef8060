-- Question: how good were a campaign's students on the way? Grain: one metric at one milestone.
-- Input: accuracy_over_budget; $campaign.
select
  documents,
  metric,
  value
from accuracy_over_budget
where campaign = $campaign
order by documents, metric
