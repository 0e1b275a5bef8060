-- Effect: the budget ends a campaign after its last round. Grain: one round.
-- Input: rounds; $campaign, $round, $because.
update rounds
set
  ended_by = 'budget',
  ended_because = $because
where campaign = $campaign
  and round = $round
