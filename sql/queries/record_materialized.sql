-- Effect: record from what an asset was made, in the transaction that stores it.
-- Inputs: $asset, $partition, $inputs, $made_from, $version, $seconds, $tokens, $flops.
insert or replace into materialized
  (asset, partition, inputs, made_from, version, seconds, tokens, flops, materialized_at)
values ($asset, $partition, $inputs, $made_from, $version, $seconds, $tokens, $flops, current_timestamp)
