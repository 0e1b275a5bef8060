-- Question: which pairs did an extraction give? Grain: one QA pair of one extraction.
create table if not exists extracted_qa (
  qa_id varchar primary key,
  content_hash varchar not null,
  extractor varchar not null,
  position integer not null, -- in the document, from 0
  question varchar not null,
  answer varchar not null
)
