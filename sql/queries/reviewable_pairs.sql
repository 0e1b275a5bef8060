-- Question: which pairs of a campaign can a reviewer decide on? Grain: one QA pair, in an order by
-- chance (hashes are random), so that those seen first speak for all. Leaks, repeats, and what other
-- rules leave out of the data set are not among them.
-- Inputs: bandit_documents, documents, extracted_qa, cluster_geometry, removed_qa, leaked_qa; $campaign,
-- $low_score (the reason of pairs that score as what reviewers reject).
select
  extracted_qa.qa_id,
  extracted_qa.question,
  extracted_qa.answer,
  bandit_documents.document_id,
  bandit_documents.cluster,
  coalesce(cluster_geometry.terms[:3], []) as terms,
  bandit_documents.round,
  removed_qa.reason is not distinct from $low_score as is_left_out
from bandit_documents
join documents using (document_id, content_hash)
join extracted_qa using (content_hash, extractor)
left join cluster_geometry
  on cluster_geometry.cluster = bandit_documents.cluster
left join removed_qa
  on removed_qa.campaign = bandit_documents.campaign
  and removed_qa.qa_id = extracted_qa.qa_id
where bandit_documents.campaign = $campaign
  and (
    removed_qa.qa_id is null
    or removed_qa.reason = $low_score
    or starts_with(removed_qa.reason, 'rejected by ')
  )
  and extracted_qa.qa_id not in (select qa_id from leaked_qa where campaign = $campaign)
order by md5(extracted_qa.qa_id)
