-- Question: which files were published, and what do they hold? Grain: one file or folder.
-- Input: published.
select
  path,
  asset,
  campaign,
  sha256,
  n_bytes,
  modified_ns,
  made_from,
  options
from published
order by path
