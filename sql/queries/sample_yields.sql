-- Question: what did the texts of a sample give? Grain: one document, in order of id, without those
-- that failed. Inputs: documents, extractions, extracted_qa; $document_ids, $extractor.
select
  documents.document_id,
  documents.text,
  count(extracted_qa.qa_id) as n_pairs,
  coalesce(sum(length(extracted_qa.answer)), 0)::bigint as n_answer_characters
from documents
join extractions
  on extractions.content_hash = documents.content_hash
  and extractions.extractor = $extractor
  and extractions.status <> 'failed'
left join extracted_qa
  on extracted_qa.content_hash = extractions.content_hash
  and extracted_qa.extractor = extractions.extractor
where documents.document_id in (select unnest($document_ids::varchar[]))
group by documents.document_id, documents.text
order by documents.document_id
