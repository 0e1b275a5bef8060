-- Question: why are extracted pairs of a campaign not in its data set? Grain: one reason; all that
-- reviewers rejected is one, so that exports name none of them.
-- Input: removed_qa; $campaign.
select
  if(starts_with(reason, 'rejected by '), 'rejected in review', reason) as reason,
  count(*) as pairs,
  min(question[:200]) as example
from removed_qa
where campaign = $campaign
group by all
order by pairs desc, reason
