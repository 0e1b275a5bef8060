-- Question: which pairs tune the embedder? Grain: one QA pair of the warm-up sample.
create table if not exists warmup_qa (
  qa_id varchar primary key,
  document_id varchar not null,
  question varchar not null,
  answer varchar not null
)
