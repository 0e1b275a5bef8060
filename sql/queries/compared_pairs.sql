-- Question: where do all pairs of a campaign lie, in the order of its rounds? Grain: one QA pair.
-- Leaked pairs are left out, as in the round's pool. Inputs: bandit_documents, extracted_qa,
-- qa_embeddings, leaked_qa; $campaign, $embedder_version.
select
  round,
  qa_id,
  length(answer) as n_answer_characters,
  embedding
from bandit_documents
join extracted_qa using (content_hash, extractor)
join qa_embeddings using (qa_id)
where campaign = $campaign
  and embedder_version = $embedder_version
  and qa_id not in (select qa_id from leaked_qa where campaign = $campaign)
order by round, qa_id
