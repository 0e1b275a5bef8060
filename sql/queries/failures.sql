-- Question: which documents that campaigns requested failed, whole or in part, and why?
-- Grain: campaign x reason x whether they gave pairs, whichever the chunk.
-- Inputs: bandit_documents, extractions; $campaigns, $rounds (empty: all).
select
  bandit_documents.campaign,
  regexp_replace(extractions.reason, 'chunk [0-9]+ of [0-9]+: ', '', 'g') as reason,
  extractions.status = 'pairs' as gave_pairs, -- they failed in part
  count(*) as documents,
  sum(extractions.n_tries)::bigint as tries
from bandit_documents
join extractions using (content_hash, extractor)
where extractions.reason is not null
  and bandit_documents.campaign in (select unnest($campaigns::varchar[]))
  and (len($rounds::integer[]) = 0 or bandit_documents.round in (select unnest($rounds::integer[])))
group by all
order by campaign, gave_pairs, documents desc, reason
