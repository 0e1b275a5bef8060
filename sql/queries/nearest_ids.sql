-- Question: which pairs have an id most like this one? Grain: one QA pair, closest first.
-- Input: extracted_qa; $qa_id, $limit.
select
  qa_id,
  question
from extracted_qa
order by levenshtein(qa_id, $qa_id), qa_id
limit $limit
