-- Question: which campaigns requested any of these documents? Grain: campaign.
-- Input: bandit_documents; $hashes, $extractor.
select distinct campaign
from bandit_documents
where extractor = $extractor
  and content_hash in (select unnest($hashes::varchar[]))
order by campaign
