-- Question: what does the untuned student say of these pairs? Grain: one QA pair that has a score.
-- Input: qa_scores; $qa_ids, $scorer.
select
  qa_id,
  value as score
from qa_scores
where qa_id in $qa_ids::varchar[]
  and scorer = $scorer
