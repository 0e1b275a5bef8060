-- Question: which pairs did a campaign extract, and from where? Grain: one QA pair, in the order
-- in which they were requested. Inputs: bandit_documents, documents, extracted_qa; $campaign.
select
  qa_id,
  question,
  answer,
  document_id,
  source,
  license,
  cluster,
  round,
  pull,
  extractor
from bandit_documents
join documents using (document_id, content_hash)
join extracted_qa using (content_hash, extractor)
where campaign = $campaign
order by round, pull, document_id, position
