-- Question: from which settings and versions was a stored asset made? Grain: one row or none.
-- Input: materialized; $asset, $partition.
select made_from
from materialized
where asset = $asset
  and partition = $partition
