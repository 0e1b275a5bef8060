-- Question: which cluster does each document belong to? Grain: one document.
create table if not exists clusters (
  document_id varchar primary key,
  cluster integer not null, -- from 0, without gaps
  distance double not null  -- Euclidean, to the centroid
)
