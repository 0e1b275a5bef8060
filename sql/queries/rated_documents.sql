-- Question: which documents has a campaign had rated, with or without success? Grain: one content
-- hash. Input: document_ratings; $campaign.
select content_hash
from document_ratings
where campaign = $campaign
