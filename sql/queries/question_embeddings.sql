-- Question: which of these pairs have their question embedded, and where does it lie? Grain: one QA
-- pair. Input: question_embeddings; $qa_ids.
select
  qa_id,
  embedding
from question_embeddings
where qa_id in (select unnest($qa_ids::varchar[]))
