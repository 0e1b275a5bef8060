-- Question: from what was each stored asset made? Grain: one asset or partition. Input: materialized.
select
  asset,
  partition,
  inputs,
  version,
  seconds,
  materialized_at
from materialized
