-- Question: where does each document lie? Grain: one document, in order of id.
-- Input: document_embeddings.
select
  document_id,
  embedding
from document_embeddings
order by document_id
