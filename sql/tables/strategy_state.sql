-- Question: what had a campaign's strategy learned? Grain: one named vector of a campaign, as it was
-- after a finished round; O(clusters + reference pairs) numbers. Those of earlier rounds are kept, so
-- that a campaign can be played again from any of its rounds.
create table if not exists strategy_state (
  campaign varchar not null,
  round integer not null,
  name varchar not null,     -- attribute of the strategy
  "values" double[] not null,
  primary key (campaign, round, name)
)
