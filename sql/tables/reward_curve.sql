-- Question: what did the campaign gain, round by round? Grain: one round of one campaign.
create table if not exists reward_curve (
  campaign varchar not null,
  round integer not null,
  n_pulls integer not null,
  mean_reward double not null,      -- over the clusters pulled in the round
  best_reward double not null,
  target_coverage double,           -- near pairs per reference question so far; higher is better
  near_pairs integer,               -- pairs near the target so far
  random_coverage double,           -- expected of random documents for as much, with 95% interval
  random_coverage_low double,
  random_coverage_high double,
  random_near_pairs double,         -- the same, of pairs near the target
  random_near_pairs_low double,
  random_near_pairs_high double,
  pays boolean,                     -- the last documents add at least what random ones would
  pool_ot_cost double,              -- all pairs so far to the reference set; lower is better
  pool_pairs integer not null,
  documents bigint not null,        -- requested up to here
  tokens bigint not null,           -- prompt and completion tokens requested up to here, those
                                    -- of ratings before the first round included
  paid_tokens bigint not null,      -- of these, not found in the store
  cost double not null,             -- money for all requests up to here
  paid_cost double not null,
  n_cached bigint not null,         -- documents up to here that the store held already
  n_failed bigint not null,         -- documents up to here whose extraction failed
  n_rejected bigint not null,       -- pairs up to here that are not kept
  n_requests bigint not null,       -- sent in the round
  n_tries bigint not null,          -- times that one of them was sent
  latency_seconds double,           -- mean of a try; null: nothing was sent
  seconds double not null,          -- of the round
  primary key (campaign, round)
)
