-- Question: what does a data set look like? Grain: one QA pair of a uniform sample of ten (hashes are
-- random). Input: qa_dataset; $campaign.
select
  question,
  answer,
  source,
  cluster,
  round
from qa_dataset
where campaign = $campaign
order by md5(qa_id)
limit 10
