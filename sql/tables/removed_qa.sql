-- Question: which extracted pairs are not trained on, and why? Grain: one removed pair.
create table if not exists removed_qa (
  campaign varchar not null,
  qa_id varchar not null,
  reason varchar not null, -- repeated pair, overlaps a test question, repeats a test answer
  collided_with varchar,   -- qa_id of the kept pair, or test:POSITION; null: not recorded
  similarity double,       -- to what it collided with; null: not measured
  question varchar not null,
  primary key (campaign, qa_id)
)
