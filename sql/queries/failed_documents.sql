-- Question: which documents of a campaign failed, whole or in part? Grain: one document.
-- Inputs: bandit_documents, extractions; $campaign, $extractor.
select bandit_documents.document_id
from bandit_documents
join extractions using (content_hash, extractor)
where bandit_documents.campaign = $campaign
  and extractions.extractor = $extractor
  and extractions.reason is not null
order by document_id
