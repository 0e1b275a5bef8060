-- Question: what does the untuned student make of a text, before anything is extracted? Grain: one
-- text, of a document or a reference pair, by one scorer. Shared by all campaigns.
create table if not exists student_states (
  content_hash varchar not null,
  scorer varchar not null, -- fingerprint of student and corpus
  state float[] not null,  -- weighted mean of the last hidden states, of length 1
  flops double not null,   -- that it took, whichever campaign asked first
  seconds double not null,
  primary key (content_hash, scorer)
)
