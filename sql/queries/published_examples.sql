-- Question: what is in the published file of a data set? Grain: one training example, in order.
-- Input: qa_dataset; $campaign.
select *
from qa_dataset
where campaign = $campaign
order by rowid
