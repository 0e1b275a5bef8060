-- Question: where does a target lie on the map of clusters? Grain: one reference pair of one campaign's
-- target, in the plane of cluster_geometry.
create table if not exists reference_plane (
  campaign varchar not null,
  position integer not null, -- in the target's reference split, from 0
  x double not null,
  y double not null,
  primary key (campaign, position)
)
