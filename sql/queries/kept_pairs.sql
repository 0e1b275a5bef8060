-- Question: which pairs do the rounds of a campaign learn from, and where do they lie? Grain: one QA
-- pair that is no leak, in order of id. Inputs: bandit_documents, extracted_qa, qa_embeddings,
-- qa_scores, leaked_qa; $campaign, $embedder_version, $scorer ('': none).
select
  extracted_qa.qa_id,
  bandit_documents.cluster,
  qa_embeddings.embedding,
  qa_scores.value as score -- null: none
from bandit_documents
join extracted_qa using (content_hash, extractor)
join qa_embeddings using (qa_id)
left join qa_scores
  on qa_scores.qa_id = extracted_qa.qa_id
  and qa_scores.scorer = $scorer
where bandit_documents.campaign = $campaign
  and qa_embeddings.embedder_version = $embedder_version
  and extracted_qa.qa_id not in (select qa_id from leaked_qa where campaign = $campaign)
order by extracted_qa.qa_id
