-- Question: which pairs that are not trained on hold a text, and why not? Grain: one removed pair.
-- Inputs: removed_qa, bandit_documents, extracted_qa, documents; $campaign, $contains (any case; empty:
-- all).
select
  removed_qa.qa_id,
  any_value(removed_qa.question) as question,
  any_value(removed_qa.answer) as answer,
  any_value(documents.source) as source,
  any_value(bandit_documents.cluster) as cluster,
  any_value(bandit_documents.round) as round,
  any_value(removed_qa.reason) as reason
from removed_qa
join extracted_qa using (qa_id)
join bandit_documents
  on bandit_documents.campaign = removed_qa.campaign
  and bandit_documents.content_hash = extracted_qa.content_hash
  and bandit_documents.extractor = extracted_qa.extractor
join documents using (document_id)
where removed_qa.campaign = $campaign
  and contains(lower(removed_qa.question || ' ' || removed_qa.answer), lower($contains))
group by removed_qa.qa_id
order by reason, removed_qa.qa_id
