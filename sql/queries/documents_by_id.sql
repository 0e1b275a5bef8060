-- Question: what do these documents hold? Grain: one document, in order of id.
-- Inputs: documents; $document_ids.
select
  document_id,
  text,
  source,
  file,
  row,
  url,
  license,
  metadata,
  qa_pairs
from documents
where document_id in (select unnest($document_ids::varchar[]))
order by document_id
