-- Question: which rows of the corpus were not used, and why? Grain: one row of the corpus.
create table if not exists rejected_documents (
  file varchar not null,
  row bigint not null,     -- line, row or index in the file, from 1
  reason varchar not null,
  excerpt varchar not null -- the first 200 characters
)
