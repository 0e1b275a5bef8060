-- Question: where does each extracted pair lie? Grain: one QA pair by one embedder.
create table if not exists qa_embeddings (
  qa_id varchar not null,
  embedder_version varchar not null,
  embedding float[] not null, -- unit length
  n_tokens integer not null,  -- that the embedder read
  flops double not null,      -- operations of the embedder
  primary key (qa_id, embedder_version)
)
