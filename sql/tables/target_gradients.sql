-- Question: in which direction do the reference pairs of a target pull the untuned student?
-- Grain: one scorer of influence.
create table if not exists target_gradients (
  scorer varchar primary key,
  gradient double[] not null, -- mean of the projected unit gradients
  flops double not null,      -- that it took
  seconds double not null
)
