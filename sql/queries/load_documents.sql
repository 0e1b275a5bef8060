-- Effect: fill `documents` from staged Parquet files: of exact duplicates the first stays, of
-- documents with the same id the first stays, of what remains a uniform sample by content hash.
-- Inputs: $staging (glob), $max_documents.
insert into documents by name
with numbered as (
  select
    *,
    row_number() over (partition by content_hash order by ordinal) as copy,
    count(*) over (partition by content_hash) as n_copies
  from read_parquet($staging)
),
distinct_texts as (
  select
    *,
    row_number() over (partition by document_id order by ordinal) as claim
  from numbered
  where copy = 1
)
select
  document_id,
  content_hash,
  text,
  length(text)::integer as n_characters,
  source,
  file,
  row,
  url,
  license,
  metadata,
  qa_pairs,
  n_copies::integer as n_copies
from distinct_texts
where claim = 1
order by content_hash
limit $max_documents
