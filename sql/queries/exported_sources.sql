-- Question: where does a data set come from, and under which licenses? Grain: one source under one
-- license (null: the corpus states none). Input: qa_dataset; $campaign.
select
  source,
  license,
  count(distinct document_id) as documents,
  count(*) as examples
from qa_dataset
where campaign = $campaign
group by source, license
order by examples desc, source, license nulls last
