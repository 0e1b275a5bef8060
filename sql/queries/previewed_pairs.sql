-- Question: which pairs were taken from these contents, and why were some not kept? Grain: one pair,
-- kept or rejected, as in the document. Inputs: extracted_qa, rejected_qa; $extractor, $hashes.
select
  content_hash,
  question,
  answer,
  null as reason,
  position
from extracted_qa
where extractor = $extractor
  and content_hash in (select unnest($hashes::varchar[]))
union all
select
  content_hash,
  question,
  answer,
  reason,
  position
from rejected_qa
where extractor = $extractor
  and content_hash in (select unnest($hashes::varchar[]))
order by content_hash, reason nulls first, position
