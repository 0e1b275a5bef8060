-- Question: what did a document take from this extractor on average and give, and how much do they
-- differ? Grain: one row. Input: extractions; $extractor.
select
  count(*) as documents,
  avg(prompt_tokens) as prompt_tokens,
  avg(completion_tokens) as completion_tokens,
  coalesce(stddev_samp(prompt_tokens + completion_tokens), 0) as deviation,
  avg(n_pairs) as pairs,
  coalesce(stddev_samp(n_pairs), 0) as pairs_deviation,
  avg(seconds) as seconds,
  avg(request_seconds) as request_seconds
from extractions
where extractor = $extractor
