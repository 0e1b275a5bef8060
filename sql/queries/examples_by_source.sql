-- Question: which sources does a data set come from? Grain: one source, most pairs first.
-- Input: qa_dataset; $campaign.
select
  source,
  count(*) as pairs,
  count(distinct document_id) as documents,
  mode(license) as license
from qa_dataset
where campaign = $campaign
group by source
order by pairs desc, source
