-- Effect: a campaign that a budget ended after its last round can go on. Grain: one round.
-- Input: rounds; $campaign, $round.
update rounds
set
  ended_by = null,
  ended_because = null
where campaign = $campaign
  and round = $round
