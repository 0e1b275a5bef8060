-- Question: what may a campaign request, and what has it requested? Grain: one document, in order
-- of id. Inputs: documents, clusters, document_yields,
-- bandit_documents; $campaign.
select
  document_id,
  clusters.cluster,
  n_characters,
  bandit_documents.document_id is not null as is_read,
  expected_pairs,
  expected_answer_characters
from documents
join clusters using (document_id)
join document_yields using (document_id)
left join bandit_documents
  on bandit_documents.document_id = documents.document_id
  and bandit_documents.campaign = $campaign
order by document_id
