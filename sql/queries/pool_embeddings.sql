-- Question: where do all pairs of a campaign lie, up to a round? Grain: one QA pair.
-- Inputs: bandit_documents, extracted_qa, qa_embeddings; $campaign, $round (rounds before it), and
-- the documents of the round itself, which are not stored yet: $clusters, $hashes; $extractor,
-- $embedder_version.
with asked as (
  select
    round,
    cluster,
    content_hash
  from bandit_documents
  where campaign = $campaign
    and round < $round
  union all
  select
    $round as round,
    unnest($clusters::integer[]) as cluster,
    unnest($hashes::varchar[]) as content_hash
)
select
  asked.round,
  asked.cluster,
  qa_id,
  qa_embeddings.embedding
from asked
join extracted_qa using (content_hash)
join qa_embeddings using (qa_id)
where extracted_qa.extractor = $extractor
  and qa_embeddings.embedder_version = $embedder_version
order by qa_id
