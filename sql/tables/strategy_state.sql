-- Question: what has a campaign's strategy learned? Grain: one named vector of a campaign, as it is
-- after the last finished round; O(clusters + reference pairs) numbers.
create table if not exists strategy_state (
  campaign varchar not null,
  name varchar not null,     -- attribute of the strategy
  "values" double[] not null,
  primary key (campaign, name)
)
