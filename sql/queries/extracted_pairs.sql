-- Question: which pairs did these documents give? Grain: one QA pair, in order of document.
-- Inputs: documents, extracted_qa; $document_ids, $extractor.
select
  extracted_qa.qa_id,
  documents.document_id,
  extracted_qa.question,
  extracted_qa.answer
from extracted_qa
join documents using (content_hash)
where extracted_qa.extractor = $extractor
  and documents.document_id in (select unnest($document_ids::varchar[]))
order by documents.document_id, extracted_qa.position
