-- Question: where do all pairs of a campaign lie, in the order of its rounds? Grain: one QA pair.
-- Inputs: bandit_documents, extracted_qa, qa_embeddings; $campaign, $embedder_version.
select
  round,
  qa_id,
  embedding
from bandit_documents
join extracted_qa using (content_hash, extractor)
join qa_embeddings using (qa_id)
where campaign = $campaign
  and embedder_version = $embedder_version
order by round, qa_id
