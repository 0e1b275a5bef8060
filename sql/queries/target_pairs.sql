-- Question: what is a campaign's target? Grain: one QA pair, in file order.
-- Inputs: target_qa; $campaign, $split ('reference' steers, 'test' only judges).
select
  question,
  answer,
  weight,
  position,
  code_prefix,
  code_tests
from target_qa
where campaign = $campaign
  and split = $split
order by position
