-- Effect: give the documents of all campaigns the outcome that the store has for them now.
-- Grain: one document of one campaign. Inputs: bandit_documents, extractions.
update bandit_documents
set status = extractions.status
from extractions
where bandit_documents.content_hash = extractions.content_hash
  and bandit_documents.extractor = extractions.extractor
  and bandit_documents.status <> extractions.status
