-- Question: which documents has a student not read yet? Grain: one document content, in order of the
-- id of its first document. Inputs: documents, student_states; $scorer.
select min(document_id) as document_id
from documents
where content_hash not in (
  select content_hash
  from student_states
  where scorer = $scorer
)
group by content_hash
order by 1
