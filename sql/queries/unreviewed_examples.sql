-- Question: how many examples of campaigns has nobody judged, where others were? Grain: one campaign
-- with verdicts and a data set. Inputs: qa_dataset, verdicts; $campaigns.
select
  campaign,
  count(*) filter (where verdict is null) as unreviewed,
  count(*) as examples
from qa_dataset
left join verdicts using (campaign, qa_id)
where list_contains($campaigns::varchar[], campaign)
  and campaign in (select campaign from verdicts)
group by campaign
order by campaign
