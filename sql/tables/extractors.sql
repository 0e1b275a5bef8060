-- Question: what is behind the fingerprint of an extractor? Grain: one extractor that has
-- extracted something. Written with its first extraction.
create table if not exists extractors (
  extractor varchar primary key, -- fingerprint of backend, version and settings
  backend varchar not null,      -- structural, replay, openai, vllm or llama-cpp
  version integer not null,      -- of the backend, raised when a document gives other pairs
  model varchar,                 -- null: no model
  settings varchar not null,     -- JSON: what decides the pairs, prompts by kind with their text
  first_used_at timestamp with time zone not null default current_timestamp
)
