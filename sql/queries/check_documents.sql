-- Question: which documents are empty, or share their text? Grain: one violation. Input: documents.
select
  document_id,
  content_hash,
  'empty' as violation
from documents
where trim(text) = ''
union all
select
  min(document_id) as document_id,
  content_hash,
  'same text twice' as violation
from documents
group by content_hash
having count(*) > 1
