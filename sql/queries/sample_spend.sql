-- Question: what did the documents of a random sample take? Grain: one document that was extracted,
-- in order of id. Inputs: documents, extractions; $document_ids, $extractor.
select
  documents.document_id,
  (prompt_tokens + completion_tokens)::bigint as tokens
from documents
join extractions using (content_hash)
where extractor = $extractor
  and documents.document_id in (select unnest($document_ids::varchar[]))
order by documents.document_id
