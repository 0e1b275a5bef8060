-- Effect: fill `documents` from staged Parquet files: of exact duplicates the first stays, of
-- what remains a uniform sample by content hash. Where documents share an id, the first keeps it,
-- and the others get the beginning of their content hash behind it; so do pages, with their chunks.
-- They lie in order of id, so that a range of ids is found without reading others.
-- Inputs: $staging (glob), $max_documents.
insert into documents by name
with numbered as (
  select
    *,
    row_number() over (partition by content_hash order by ordinal) as copy,
    count(*) over (partition by content_hash) as n_copies,
    page_hash is distinct from
      first_value(page_hash) over (partition by page order by ordinal) as is_of_other_page
  from read_parquet($staging)
),
distinct_texts as (
  select
    *,
    row_number() over (partition by document_id order by ordinal) as claim
  from numbered
  where copy = 1
),
used as (
  select *
  from distinct_texts
  order by content_hash
  limit $max_documents
)
select
  case
    when claim = 1 and not is_of_other_page then document_id
    else document_id || '-' || content_hash[:16]
  end as document_id,
  content_hash,
  text,
  length(text)::integer as n_characters,
  case
    when is_of_other_page then page || '-' || page_hash[:16]
    else page
  end as page,
  chunk,
  source,
  file,
  row,
  url,
  license,
  metadata,
  qa_pairs,
  n_copies::integer as n_copies
from used
order by document_id
