-- Question: where do the pairs of a campaign lie? Grain: one QA pair of a uniform sample (ids are
-- hashes). Inputs: bandit_documents, extracted_qa, qa_embeddings; $campaign, and the documents of a
-- round that is not stored yet: $document_ids, $clusters, $hashes; $extractor, $embedder_version,
-- $limit.
with asked as (
  select
    cluster,
    document_id,
    content_hash
  from bandit_documents
  where campaign = $campaign
  union all
  select
    unnest($clusters::integer[]) as cluster,
    unnest($document_ids::varchar[]) as document_id,
    unnest($hashes::varchar[]) as content_hash
)
select
  qa_embeddings.embedding,
  (count(*) over ())::integer as pool_pairs
from asked
join extracted_qa using (content_hash)
join qa_embeddings using (qa_id)
where extracted_qa.extractor = $extractor
  and qa_embeddings.embedder_version = $embedder_version
order by qa_id
limit $limit
