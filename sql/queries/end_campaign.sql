-- Effect: the budget ends a campaign after its last round. Grain: one round.
-- Input: rounds; $campaign, $round.
update rounds
set ended_by = 'budget'
where campaign = $campaign
  and round = $round
