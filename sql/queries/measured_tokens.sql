-- Question: what did a document take from this extractor on average? Grain: one row.
-- Inputs: extractions, documents; $extractor.
select
  count(*) as documents,
  avg(extractions.prompt_tokens) as prompt_tokens,
  avg(extractions.completion_tokens) as completion_tokens,
  avg(documents.n_characters) as characters
from extractions
join documents using (content_hash)
where extractions.extractor = $extractor
