-- Question: which pairs of documents that were asked again did no round of a campaign find to leak?
-- Grain: one QA pair. Inputs: bandit_documents, extracted_qa, leaked_qa; $campaign, $hashes,
-- $extractor.
select
  qa_id,
  question,
  answer,
  round
from bandit_documents
join extracted_qa using (content_hash, extractor)
where campaign = $campaign
  and extractor = $extractor
  and content_hash in (select unnest($hashes::varchar[]))
  and qa_id not in (select qa_id from leaked_qa where campaign = $campaign)
order by qa_id
