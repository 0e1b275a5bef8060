-- Question: which texts follow a document, in order of id? Grain: one document; one page of them.
-- Inputs: documents; $after (an id), $limit.
select
  document_id,
  text
from documents
where document_id > $after
order by document_id
limit $limit
