-- Question: which of these contents failed, whole or in part, and stand in no round yet? Grain: one
-- content hash. Inputs: extractions, bandit_documents; $extractor, $hashes.
with failed as materialized (
  select
    content_hash,
    reason
  from extractions
  where extractor = $extractor
    and content_hash in (select unnest($hashes::varchar[]))
    and reason is not null
)
select
  content_hash,
  reason
from failed
where not exists (
  from bandit_documents
  where bandit_documents.content_hash = failed.content_hash
    and bandit_documents.extractor = $extractor
)
