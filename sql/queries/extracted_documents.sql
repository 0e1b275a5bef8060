-- Question: how many documents of the corpus has an extractor read, and how many of these did the
-- warm-up pay for? Grain: one row. Inputs: documents, extractions; $extractor.
select
  count(*) as n_documents,
  count(extractions.content_hash) as n_extracted,
  count(*) filter (extractions.first_asked_by = 'warm-up') as n_by_warm_up
from documents
left join extractions
  on extractions.content_hash = documents.content_hash
  and extractions.extractor = $extractor
