-- Question: which pairs did a document give, by any extractor? Grain: one QA pair, as in the document.
-- Inputs: documents, extracted_qa; $document_id.
select
  qa_id,
  question
from documents
join extracted_qa using (content_hash)
where document_id = $document_id
order by extractor, position
