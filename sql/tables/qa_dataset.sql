-- Question: what is trained on, and where does it come from? Grain: one training example.
create table if not exists qa_dataset (
  campaign varchar not null,
  qa_id varchar not null,
  question varchar not null,
  answer varchar not null,
  document_id varchar not null,
  source varchar not null,
  license varchar,
  cluster integer not null,
  round integer not null,
  pull integer not null,
  extractor varchar not null,
  primary key (campaign, qa_id)
)
