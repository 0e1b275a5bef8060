-- Question: which extracted pairs give away a test or protected question, and so earn no reward?
-- Grain: one leaked pair of a finished round.
create table if not exists leaked_qa (
  campaign varchar not null,
  qa_id varchar not null,
  round integer not null,
  reason varchar not null,
  collided_with varchar not null, -- test:POSITION or FILE:LINE
  similarity double,              -- cosine of the two questions; null: not what decided
  primary key (campaign, qa_id)
)
