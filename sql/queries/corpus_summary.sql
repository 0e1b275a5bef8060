-- Question: what does the corpus hold, and what became of its files and rows? Grain: one row.
-- Inputs: documents, rejected_documents, corpus_files.
with files as (
  select
    count(*) as n_files,
    count(*) filter (skipped is not null) as n_skipped,
    coalesce(sum(n_documents), 0)::bigint as n_usable
  from corpus_files
)
select
  count(*) as n_documents,
  count(page) as n_chunks, -- documents that are a part of a page
  count(distinct page) as n_pages,
  coalesce(sum(n_copies - 1), 0)::bigint as n_duplicates,
  coalesce(sum(n_characters), 0)::bigint as n_characters,
  (select count(*) from rejected_documents) - (select n_skipped from files) as n_rejected,
  (select n_files from files) as n_files,
  (select n_skipped from files) as n_skipped,
  -- rows of texts that max_documents leaves out; none where the files are not known
  greatest(0, (select n_usable from files) - coalesce(sum(n_copies), 0))::bigint as n_left_out,
  count(*) filter (ends_with(document_id, '-' || content_hash[:16])) as n_renamed
from documents
