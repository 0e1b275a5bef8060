-- Question: what does a student make of the documents? Grain: one document, in order of id.
-- Inputs: documents, student_states; $scorer.
select
  document_id,
  state
from documents
join student_states using (content_hash)
where scorer = $scorer
order by document_id
