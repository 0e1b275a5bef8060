-- Question: which pairs did the documents of a round give? Grain: one QA pair.
-- Input: extracted_qa; $hashes, $extractor.
select
  qa_id,
  content_hash,
  question,
  answer
from extracted_qa
where extractor = $extractor
  and content_hash in (select unnest($hashes::varchar[]))
order by qa_id
