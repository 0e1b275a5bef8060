-- Question: which texts follow a document, up to another? Grain: one document, in order of id.
-- Inputs: documents; $after, $last (ids).
select
  document_id,
  content_hash,
  text
from documents
where document_id > $after
  and document_id <= $last
order by document_id
