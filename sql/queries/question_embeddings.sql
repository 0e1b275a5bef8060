-- Question: which of these questions are embedded, and where do they lie? Grain: one question.
-- Input: question_embeddings; $hashes.
select
  question_hash,
  embedding
from question_embeddings
where question_hash in $hashes::varchar[]
