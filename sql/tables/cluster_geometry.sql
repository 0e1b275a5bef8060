-- Question: what does each cluster look like? Grain: one cluster.
create table if not exists cluster_geometry (
  cluster integer primary key,
  n_documents integer not null,
  medoid_document_id varchar not null, -- the document nearest the centroid
  terms varchar[] not null,            -- words that tell it from the others, the most telling first
  spread double not null,              -- root mean squared distance to the centroid
  centroid float[] not null,           -- mean vector
  x double not null,                   -- of the centroid on the first two principal axes of all
  y double not null,
  neighbors integer[] not null,        -- nearest other clusters, nearest first
  neighbor_distances double[] not null -- Euclidean, between centroids
)
