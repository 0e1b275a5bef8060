-- Question: what do these documents hold? Grain: one document, in order of id. They are looked up in
-- the index of the key: a subquery in place of the list would read the texts of the whole corpus.
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
where document_id in $document_ids::varchar[]
order by document_id
