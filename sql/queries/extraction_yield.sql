-- Question: how many documents did an extractor find pairs in? Grain: one row.
-- Inputs: documents, extractions; $extractor.
select
  count(*) as n_documents,
  count(*) filter (extractions.status = 'pairs') as n_with_pairs,
  coalesce(sum(extractions.n_pairs), 0)::bigint as n_pairs
from extractions
join documents using (content_hash)
where extractions.extractor = $extractor
  and extractions.status in ('pairs', 'no pairs')
