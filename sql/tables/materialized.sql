-- Question: from what was each stored asset made? Grain: one asset, or one partition of it.
create table if not exists materialized (
  asset varchar not null,
  partition varchar not null, -- campaign, or '' for an unpartitioned asset
  inputs varchar not null,    -- fingerprint of the settings and of the inputs' versions
  made_from varchar not null, -- these, as JSON
  version varchar not null,   -- identifies the content
  seconds double not null,
  tokens bigint,              -- that a model read for it; null: not counted, as below
  flops double,               -- operations of models
  materialized_at timestamp with time zone not null default current_timestamp,
  primary key (asset, partition)
)
