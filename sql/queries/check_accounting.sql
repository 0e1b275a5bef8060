-- Question: which requested documents have no outcome? Grain: one document.
-- Inputs: bandit_documents, extractions.
select
  campaign,
  document_id,
  bandit_documents.status
from bandit_documents
left join extractions using (content_hash, extractor)
where extractions.status is null
  or (extractions.status = 'failed' and extractions.reason is null)
