-- Question: where does each question lie, whoever asks? Grain: one question, extracted, of a test or
-- protected, embedded by the packaged all-MiniLM-L6-v2 and by nothing else: leaks and repeats are
-- judged alike in all campaigns.
create table if not exists question_embeddings (
  question_hash varchar primary key, -- SHA-256 of its text
  embedding float[] not null         -- unit length
)
