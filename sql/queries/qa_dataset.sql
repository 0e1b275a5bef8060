-- Question: what does a campaign's student train on? Grain: one training example, in order.
-- Input: qa_dataset; $campaign.
select
  qa_id,
  question,
  answer
from qa_dataset
where campaign = $campaign
order by round, pull, qa_id
