-- Question: what did these contents take, and how did their extraction end? Grain: one content hash.
-- Inputs: extractions; $extractor, $hashes.
select
  content_hash,
  status,
  reason,
  prompt_tokens,
  completion_tokens,
  cost,
  seconds,
  n_pairs,
  n_rejected
from extractions
where extractor = $extractor
  and content_hash in (select unnest($hashes::varchar[]))
