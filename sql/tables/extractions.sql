-- Question: what has been extracted already? Grain: one document content by one extractor.
-- Shared by the warm-up and all campaigns: a stored extraction is never paid for again.
create table if not exists extractions (
  content_hash varchar not null,
  extractor varchar not null,          -- fingerprint of backend and settings
  status varchar not null check (status in ('pairs', 'no pairs', 'failed')),
  reason varchar,                      -- why it failed, or which of its chunks did
  n_pairs integer not null,
  n_rejected integer not null,         -- pairs that are not kept: see rejected_qa
  prompt_tokens bigint not null,       -- that it took, whoever paid
  completion_tokens bigint not null,
  paid_prompt_tokens bigint not null,  -- sent for it by first_asked_by; the rest was answered before
  paid_completion_tokens bigint not null,
  cost double not null,                -- money, at the prices of the moment
  paid_cost double not null,
  n_requests integer not null,
  n_tries integer not null,            -- times that one of the requests was sent
  request_seconds double not null,     -- sum over the tries
  seconds double not null,
  first_asked_by varchar not null,     -- 'warm-up', 'campaign|round-NNN' or 'campaign|preview': who paid
  extracted_at timestamp with time zone not null default current_timestamp,
  primary key (content_hash, extractor)
)
