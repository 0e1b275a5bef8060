-- Question: which documents of the warm-up failed, whole or in part, and why? Grain: one document
-- that no campaign has requested. Inputs: extractions, documents, bandit_documents; $extractor.
select
  extractions.first_asked_by as campaign,
  documents.document_id,
  regexp_replace(extractions.reason, 'chunk [0-9]+ of [0-9]+: ', '', 'g') as reason,
  extractions.status = 'pairs' as gave_pairs, -- it failed in part
  extractions.n_tries
from extractions
join documents using (content_hash)
where extractions.first_asked_by = 'warm-up'
  and extractions.extractor = $extractor
  and extractions.reason is not null
  and content_hash not in (select content_hash from bandit_documents where extractor = $extractor)
order by document_id
