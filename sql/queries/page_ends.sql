-- Question: where do pages of so many documents end? Grain: one page: its last id, in order.
-- Inputs: documents; $n_documents.
with numbered as (
  select
    document_id,
    row_number() over (order by document_id) as place,
    count(*) over () as n_documents
  from documents
)
select document_id
from numbered
where place % $n_documents = 0
  or place = n_documents
order by document_id
