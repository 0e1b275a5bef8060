-- Question: is the student of a milestone judged already? Grain: one metric; no row if it is not.
-- Input: accuracy_over_budget; $campaign, $milestone, $made_as.
select
  metric,
  value
from accuracy_over_budget
where campaign = $campaign
  and milestone = $milestone
  and made_as = $made_as
order by metric
