-- Question: what did a document take from this extractor on average, and how much do they differ?
-- Grain: one row. Input: extractions; $extractor.
select
  count(*) as documents,
  avg(prompt_tokens) as prompt_tokens,
  avg(completion_tokens) as completion_tokens,
  coalesce(stddev_samp(prompt_tokens + completion_tokens), 0) as deviation
from extractions
where extractor = $extractor
