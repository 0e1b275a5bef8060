-- Question: what has a campaign's strategy learned? Grain: one named vector. Input: strategy_state;
-- $campaign.
select
  name,
  "values"
from strategy_state
where campaign = $campaign
