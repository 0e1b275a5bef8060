-- Question: for which documents was an LLM paid? Grain: one extraction. Input: extractions.
select
  content_hash,
  prompt_tokens + completion_tokens as tokens
from extractions
where prompt_tokens + completion_tokens > 0
order by content_hash
