-- Question: which cluster does each document belong to? Grain: one document, in order of id.
-- Input: clusters.
select
  document_id,
  cluster
from clusters
order by document_id
