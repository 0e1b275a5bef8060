-- Question: where does each extracted question lie, whoever asks? Grain: one question of an extracted
-- pair, embedded by the packaged all-MiniLM-L6-v2 and by nothing else: leaks and repeats are judged
-- alike in all campaigns.
create table if not exists question_embeddings (
  qa_id varchar primary key,
  embedding float[] not null -- unit length
)
