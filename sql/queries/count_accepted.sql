-- Effect: keeps how many pairs were accepted after a round, and that they were enough. Grain: one
-- round. Input: rounds; $campaign, $round, $accepted, $ended_by (null: as it was), $because.
update rounds
set
  accepted_pairs = $accepted,
  ended_by = coalesce($ended_by, ended_by),
  ended_because = coalesce($because, ended_because)
where campaign = $campaign
  and round = $round
