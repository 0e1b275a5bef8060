-- Question: what has been extracted already? Grain: one document content by one extractor.
-- Shared by the warm-up and all campaigns: what stands here is never paid for again.
create table if not exists extractions (
  content_hash varchar not null,
  extractor varchar not null,          -- fingerprint of backend and settings
  status varchar not null check (status in ('pairs', 'no pairs', 'failed')),
  reason varchar,                      -- why it failed
  n_pairs integer not null,
  prompt_tokens bigint not null,
  completion_tokens bigint not null,
  seconds double not null,
  first_asked_by varchar not null,     -- 'warm-up' or 'campaign|round-NNN': who paid
  extracted_at timestamp with time zone not null default current_timestamp,
  primary key (content_hash, extractor)
)
