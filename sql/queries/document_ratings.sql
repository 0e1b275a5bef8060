-- Question: how did a campaign's LLM rate the documents? Grain: one document, in order of id; null
-- where there is no rating. Inputs: documents, document_ratings; $campaign.
select
  document_id,
  rating::double as value
from documents
left join document_ratings
  on document_ratings.content_hash = documents.content_hash
  and document_ratings.campaign = $campaign
order by document_id
