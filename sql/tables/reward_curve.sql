-- Question: what did the campaign gain, round by round? Grain: one round of one campaign.
create table if not exists reward_curve (
  campaign varchar not null,
  round integer not null,
  n_pulls integer not null,
  mean_reward double not null,      -- over the clusters pulled in the round
  best_reward double not null,
  pool_ot_cost double,              -- all pairs so far to the reference set; lower is better
  pool_pairs integer not null,
  documents bigint not null,        -- asked for up to here
  tokens bigint not null,           -- prompt and completion tokens asked for up to here
  paid_tokens bigint not null,      -- of these, not found in the store
  seconds double not null,          -- of the round
  primary key (campaign, round)
)
