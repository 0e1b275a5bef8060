-- Question: where does each document lie? Grain: one document. Created from the frame `incoming`,
-- because the number of dimensions is part of the column's type.
create or replace table document_embeddings as
select
  document_id, -- varchar
  embedding    -- float[n_dimensions], unit length
from incoming
