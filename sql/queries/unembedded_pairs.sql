-- Question: which pairs of these documents have no embedding yet? Grain: one QA pair.
-- Inputs: extracted_qa, qa_embeddings; $hashes, $extractor, $embedder_version.
select
  qa_id,
  question,
  answer
from extracted_qa
where extractor = $extractor
  and content_hash in (select unnest($hashes::varchar[]))
  and qa_id not in (
    select qa_id
    from qa_embeddings
    where embedder_version = $embedder_version
  )
order by qa_id
