-- Question: which documents of the warm-up sample failed, whole or in part, and why? Grain: reason,
-- whichever the chunk. Inputs: documents, extractions; $document_ids, $extractor.
select
  regexp_replace(extractions.reason, 'chunk [0-9]+ of [0-9]+: ', '', 'g') as reason,
  count(*) as documents
from extractions
join documents using (content_hash)
where extractions.reason is not null
  and extractions.extractor = $extractor
  and documents.document_id in (select unnest($document_ids::varchar[]))
group by all
order by documents desc, reason
