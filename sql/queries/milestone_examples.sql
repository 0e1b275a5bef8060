-- Question: what had a campaign's data set been after a round? Grain: one training example, in order.
-- Input: qa_dataset; $campaign, $round.
select
  question,
  answer
from qa_dataset
where campaign = $campaign
  and round <= $round
order by round, pull, qa_id
