-- Question: where do the clusters lie? Grain: one cluster. Input: cluster_geometry.
select
  cluster,
  centroid
from cluster_geometry
order by cluster
