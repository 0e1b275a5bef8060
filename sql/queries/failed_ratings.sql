-- Question: of which documents does a campaign have no rating, and why? Grain: one reason.
-- Input: document_ratings; $campaign.
select
  reason,
  count(*) as documents
from document_ratings
where campaign = $campaign
  and rating is null
group by reason
order by documents desc, reason
