-- Question: why are extracted pairs of a campaign not in its data set? Grain: one reason.
-- Input: removed_qa; $campaign.
select
  reason,
  count(*) as pairs,
  min(question[:200]) as example
from removed_qa
where campaign = $campaign
group by reason
order by pairs desc, reason
