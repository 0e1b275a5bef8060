-- Question: which pairs have an id that begins so? Grain: one QA pair, in order of id.
-- Input: extracted_qa; $prefix, $limit.
select
  qa_id,
  question
from extracted_qa
where starts_with(qa_id, $prefix)
order by qa_id
limit $limit
