-- Question: which documents that campaigns asked for failed, and why? Grain: campaign x reason.
-- Inputs: bandit_documents, extractions; $campaigns, $rounds (empty: all).
select
  bandit_documents.campaign,
  extractions.reason,
  count(*) as documents,
  sum(extractions.n_tries)::bigint as tries
from bandit_documents
join extractions using (content_hash, extractor)
where extractions.status = 'failed'
  and bandit_documents.campaign in (select unnest($campaigns::varchar[]))
  and (len($rounds::integer[]) = 0 or bandit_documents.round in (select unnest($rounds::integer[])))
group by all
order by campaign, documents desc, reason
