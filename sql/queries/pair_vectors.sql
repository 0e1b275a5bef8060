-- Question: which of these pairs are embedded, and where do they lie? Grain: one QA pair.
-- Input: qa_embeddings; $qa_ids, $embedder_version.
select
  qa_id,
  embedding
from qa_embeddings
where embedder_version = $embedder_version
  and qa_id in (select unnest($qa_ids::varchar[]))
