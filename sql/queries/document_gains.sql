-- Question: what did the documents of a campaign add to its coverage? Grain: one
-- document, in order of round. Inputs: bandit_documents, extractions; $campaign.
select
  round,
  gain,
  (prompt_tokens + completion_tokens)::bigint as tokens
from bandit_documents
join extractions using (content_hash, extractor)
where campaign = $campaign
  and gain is not null
order by round, document_id
