-- Question: which of these contents failed, whole or in part, and stand in no round yet? Grain: one
-- content hash. Inputs: extractions, bandit_documents; $extractor, $hashes.
select
  content_hash,
  reason
from extractions
where extractor = $extractor
  and content_hash in (select unnest($hashes::varchar[]))
  and reason is not null
  and content_hash not in (select content_hash from bandit_documents where extractor = $extractor)
