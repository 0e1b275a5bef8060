-- Question: what does the untuned student say of each document, before anything is extracted from
-- it? Grain: one document content by one scorer. Shared by all campaigns.
create table if not exists document_scores (
  content_hash varchar not null,
  scorer varchar not null, -- fingerprint of kind of score, student, corpus; influence: target as well
  value double not null,   -- higher is better
  flops double not null,   -- that it took, whichever campaign asked first
  seconds double not null,
  primary key (content_hash, scorer)
)
