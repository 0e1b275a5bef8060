-- Question: which documents are there? Grain: one document, in order of id. Input: documents.
select
  document_id,
  content_hash
from documents
order by document_id
