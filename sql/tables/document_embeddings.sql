-- Question: where is the vector of each document? Grain: one document. Vectors are in Parquet files:
-- content_hash, embedding (float[n_dimensions], unit length), n_tokens, flops.
create table if not exists document_embeddings (
  document_id varchar primary key,
  folder varchar not null, -- in the project, or a URI; the same for all
  shard varchar not null,  -- file of the folder
  row integer not null     -- in the file, from 0
)
