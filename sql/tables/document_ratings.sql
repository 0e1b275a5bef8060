-- Question: what did the extractor's LLM say of the documents that a campaign had it rate?
-- Grain: one document content of one campaign. The same request of another campaign is answered
-- from the journal of requests.
create table if not exists document_ratings (
  campaign varchar not null,
  content_hash varchar not null,
  rating integer check (rating between 1 and 5), -- null: there is none
  reason varchar,                      -- why there is none
  prompt_tokens bigint not null,       -- that it took, whoever paid
  completion_tokens bigint not null,
  paid_prompt_tokens bigint not null,  -- sent for it by this campaign; the rest was answered before
  paid_completion_tokens bigint not null,
  cost double not null,                -- money, at the prices of the moment
  paid_cost double not null,
  n_requests integer not null,
  n_tries integer not null,            -- times that the request was sent
  request_seconds double not null,     -- sum over the tries
  seconds double not null,             -- its share of the time in which several were rated at once
  rated_at timestamp with time zone not null default current_timestamp,
  primary key (campaign, content_hash)
)
