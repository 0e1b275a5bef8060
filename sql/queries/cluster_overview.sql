-- Question: what is each cluster about? Grain: one cluster, largest first.
-- Inputs: cluster_geometry, documents.
select
  cluster,
  cluster_geometry.n_documents,
  cluster_geometry.terms,
  documents.source as medoid_source,
  documents.text[:120] as medoid,
  round(spread, 3) as spread,
  neighbors[1] as nearest_cluster,
  cluster_geometry.x,
  cluster_geometry.y
from cluster_geometry
join documents on documents.document_id = medoid_document_id
order by cluster_geometry.n_documents desc, cluster
