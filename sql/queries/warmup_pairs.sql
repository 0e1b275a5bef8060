-- Question: which document and pair texts tune the embedder? Grain: one QA pair.
-- Inputs: warmup_qa, documents.
select
  warmup_qa.qa_id,
  warmup_qa.document_id,
  documents.text,
  warmup_qa.question,
  warmup_qa.answer
from warmup_qa
join documents using (document_id)
order by warmup_qa.document_id, warmup_qa.qa_id
