-- Question: what does the store hold of these contents, by this extractor?
-- Grain: one content hash. Inputs: extractions; $extractor, $hashes.
select
  content_hash,
  status,
  n_pairs,
  n_rejected,
  prompt_tokens,
  completion_tokens,
  paid_prompt_tokens,
  paid_completion_tokens,
  cost,
  paid_cost,
  n_requests,
  n_tries,
  request_seconds,
  first_asked_by
from extractions
where extractor = $extractor
  and content_hash in (select unnest($hashes::varchar[]))
