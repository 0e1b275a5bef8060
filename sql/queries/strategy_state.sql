-- Question: what had a campaign's strategy learned after a round? Grain: one named vector.
-- Input: strategy_state; $campaign, $round.
select
  name,
  "values"
from strategy_state
where campaign = $campaign
  and round = $round
