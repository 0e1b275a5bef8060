-- Question: what does an exported data set hold? Grain: one training example, in the order in which
-- students read them. Inputs: qa_dataset, documents, verdicts; $campaign.
select
  qa_id,
  question,
  answer,
  document_id,
  page,
  qa_dataset.source,
  qa_dataset.license,
  url,
  cluster,
  round,
  pull,
  extractor,
  verdict
from qa_dataset
left join documents using (document_id)
left join verdicts using (campaign, qa_id)
where campaign = $campaign
order by round, pull, qa_id
