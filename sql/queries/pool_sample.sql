-- Question: where do the pairs of a campaign lie? Grain: one QA pair of a uniform sample (ids are
-- hashes); leaked pairs are left out. Inputs: bandit_documents, extracted_qa, qa_embeddings,
-- leaked_qa; $campaign, and the documents and leaks of a round that is not stored yet:
-- $document_ids, $clusters, $hashes, $leaked; $extractor, $embedder_version, $limit.
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
  and qa_id not in (select qa_id from leaked_qa where campaign = $campaign)
  and qa_id not in (select unnest($leaked::varchar[]))
order by qa_id
limit $limit
