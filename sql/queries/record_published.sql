-- Effect: record what a published file or folder holds, in the transaction of its rows.
-- Inputs: $path, $asset, $campaign, $sha256, $n_bytes, $modified_ns, $made_from, $options.
insert or replace into published
  (path, asset, campaign, sha256, n_bytes, modified_ns, made_from, options, published_at)
values (
  $path, $asset, $campaign, $sha256, $n_bytes, $modified_ns, $made_from, $options,
  current_timestamp
)
