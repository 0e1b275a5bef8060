-- Question: what does the untuned student say of each extracted pair? Grain: one QA pair by one
-- scorer. Shared by all campaigns: a stored score is never computed again.
create table if not exists qa_scores (
  qa_id varchar not null,
  scorer varchar not null, -- fingerprint of kind of score, student, corpus; influence: target as well
  value double not null,   -- higher is better
  flops double not null,   -- that it took, whichever campaign asked first
  seconds double not null,
  primary key (qa_id, scorer)
)
