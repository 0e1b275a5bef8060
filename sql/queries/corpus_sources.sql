-- Question: where do the documents come from? Grain: one source, largest first.
-- Input: documents.
select
  source,
  count(*) as documents,
  sum(n_characters)::bigint as characters,
  mode(license) as license
from documents
group by source
order by documents desc, source
