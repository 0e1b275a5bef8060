-- Effect: add to `rejected_documents` what has the id of an earlier document, but another text.
-- Inputs: $staging (glob).
insert into rejected_documents by name
with numbered as (
  select
    *,
    row_number() over (partition by content_hash order by ordinal) as copy
  from read_parquet($staging)
)
select
  file,
  row,
  'id of another document: ' || document_id as reason,
  text[:200] as excerpt
from numbered
where copy = 1
qualify row_number() over (partition by document_id order by ordinal) > 1
