-- Question: where is the vector of each document? Grain: one document, in order of id.
-- Inputs: documents, document_embeddings.
select
  shard,
  document_embeddings.row
from documents
join document_embeddings using (document_id)
order by document_id
