-- Question: which extracted pairs are not trained on, and why? Grain: one removed pair.
create table if not exists removed_qa (
  campaign varchar not null,
  qa_id varchar not null,
  reason varchar not null, -- docs/dataset.md lists all
  collided_with varchar,   -- qa_id of the other pair, test:POSITION or FILE:LINE; null: a cap; pruned:
                           -- reference:POSITION, which it comes nearest to serving
  similarity double,       -- to that; null: not measured
  question varchar not null,
  answer varchar not null,
  primary key (campaign, qa_id)
)
