-- Question: what does a student say of the documents? Grain: one document, in order of id; null
-- where it was not asked. Inputs: documents, document_scores; $scorer.
select
  document_id,
  value
from documents
left join document_scores
  on document_scores.content_hash = documents.content_hash
  and document_scores.scorer = $scorer
order by document_id
