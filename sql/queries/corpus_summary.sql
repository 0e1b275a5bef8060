-- Question: what does the corpus hold, and which content is it? Grain: one row.
-- Inputs: documents, rejected_documents.
select
  count(*) as n_documents,
  coalesce(sum(n_copies - 1), 0)::bigint as n_duplicates,
  coalesce(sum(n_characters), 0)::bigint as n_characters,
  (select count(*) from rejected_documents) as n_rejected,
  md5(string_agg(document_id || content_hash, '' order by document_id)) as version
from documents
