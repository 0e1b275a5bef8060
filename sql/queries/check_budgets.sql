-- Question: which campaigns requested more documents than their budget? Grain: one campaign.
-- Inputs: campaign_settings, bandit_documents.
select
  campaign,
  (settings->>'$.settings.campaign.budget_documents')::bigint as budget_documents,
  count(*) as asked_documents
from campaign_settings
join bandit_documents using (campaign)
group by all
having count(*) > budget_documents
