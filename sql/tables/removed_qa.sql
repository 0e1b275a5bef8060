-- Question: which extracted pairs are not trained on, and why? Grain: one removed pair.
create table if not exists removed_qa (
  campaign varchar not null,
  qa_id varchar not null,
  reason varchar not null, -- repeated pair, overlaps a test question, repeats a test answer
  question varchar not null,
  primary key (campaign, qa_id)
)
