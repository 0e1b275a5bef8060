-- Question: what did a document take from this extractor on average? Grain: one row.
-- Input: extractions; $extractor.
select
  count(*) as documents,
  avg(prompt_tokens) as prompt_tokens,
  avg(completion_tokens) as completion_tokens
from extractions
where extractor = $extractor
