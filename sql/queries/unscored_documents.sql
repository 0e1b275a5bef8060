-- Question: which documents has a student not scored yet? Grain: one document content, in order of
-- the id of its first document. Inputs: documents, document_scores; $scorer.
select min(document_id) as document_id
from documents
where content_hash not in (
  select content_hash
  from document_scores
  where scorer = $scorer
)
group by content_hash
order by 1
