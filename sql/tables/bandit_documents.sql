-- Question: which documents did each pull request? Grain: one document of one campaign.
create table if not exists bandit_documents (
  campaign varchar not null,
  document_id varchar not null,
  round integer not null,
  pull integer not null,
  cluster integer not null,
  content_hash varchar not null,
  extractor varchar not null,
  gain double,             -- what it added to rounds.target_coverage; null: an earlier version
  status varchar not null, -- 'pairs', 'no pairs' or 'failed'
  primary key (campaign, document_id)
)
