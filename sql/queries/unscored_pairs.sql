-- Question: which pairs of these documents has a student not scored yet? Grain: one QA pair.
-- Inputs: extracted_qa, qa_scores; $hashes, $extractor, $scorer.
select
  qa_id,
  question,
  answer
from extracted_qa
where extractor = $extractor
  and content_hash in (select unnest($hashes::varchar[]))
  and qa_id not in (
    select qa_id
    from qa_scores
    where scorer = $scorer
  )
order by qa_id
