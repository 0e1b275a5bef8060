-- Question: where does each question lie, whoever asks? Grain: one question, extracted, of a test or
-- protected, embedded by dataset.question_model and by nothing else: leaks and repeats are
-- judged alike in all campaigns.
create table if not exists question_embeddings (
  question_hash varchar primary key, -- SHA-256 of its text, with the model unless it is all-MiniLM-L6-v2
  embedding float[] not null         -- unit length
)
