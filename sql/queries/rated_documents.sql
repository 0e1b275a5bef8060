-- Question: which documents has a campaign had rated, and why has one no rating? Grain: one content
-- hash. Input: document_ratings; $campaign.
select
  content_hash,
  reason
from document_ratings
where campaign = $campaign
