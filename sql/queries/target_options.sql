-- Question: what can be answered to a target's questions? Grain: one option or further right answer,
-- in file order. Inputs: target_options; $campaign, $split ('reference' steers, 'test' only judges).
select
  position,
  place,
  label,
  answer,
  is_right
from target_options
where campaign = $campaign
  and split = $split
order by position, place
