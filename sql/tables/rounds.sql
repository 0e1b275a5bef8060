-- Question: how did each round end? Grain: one finished round of one campaign.
create table if not exists rounds (
  campaign varchar not null,
  round integer not null,         -- from 1
  pool_pairs integer not null,    -- pairs extracted by the campaign so far
  pool_ot_cost double,            -- OT of all these pairs to the reference set; null without pairs
  seconds double not null,        -- of the attempt that finished it
  finished_at timestamp with time zone not null default current_timestamp,
  primary key (campaign, round)
)
