-- Question: which pairs did the clusters of a round give so far? Grain: one QA pair.
-- Leaked pairs are left out. Inputs: bandit_documents, extracted_qa, qa_embeddings, qa_scores,
-- leaked_qa; $campaign, and the documents and leaks of the round, which are not stored yet:
-- $document_ids, $clusters, $hashes, $leaked; $extractor, $embedder_version, $scorer ('': none).
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
  asked.cluster,
  asked.document_id,
  length(extracted_qa.answer) as n_answer_characters,
  qa_embeddings.embedding,
  qa_scores.value as score
from asked
join extracted_qa using (content_hash)
join qa_embeddings using (qa_id)
left join qa_scores
  on qa_scores.qa_id = extracted_qa.qa_id
  and qa_scores.scorer = $scorer
where asked.cluster in (select unnest($clusters::integer[]))
  and extracted_qa.extractor = $extractor
  and qa_embeddings.embedder_version = $embedder_version
  and extracted_qa.qa_id not in (select qa_id from leaked_qa where campaign = $campaign)
  and extracted_qa.qa_id not in (select unnest($leaked::varchar[]))
order by extracted_qa.qa_id
