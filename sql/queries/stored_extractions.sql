-- Question: what does the store hold of these contents, by this extractor?
-- Grain: one content hash. Inputs: extractions; $extractor, $hashes.
select
  content_hash,
  status,
  n_pairs,
  prompt_tokens,
  completion_tokens,
  first_asked_by
from extractions
where extractor = $extractor
  and content_hash in (select unnest($hashes::varchar[]))
