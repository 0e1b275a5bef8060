-- Question: how did each round end? Grain: one finished round of one campaign.
create table if not exists rounds (
  campaign varchar not null,
  round integer not null,         -- from 1
  pool_pairs integer not null,    -- pairs extracted by the campaign so far, without leaks
  pool_ot_cost double,            -- to the reference set, at most 1,000 of the pairs; null without
  expected_gain double,           -- coverage per 1,000 tokens that the strategy predicted, if it does
  target_coverage double,         -- near pairs per reference question, after the round (docs/method.md)
  near_pairs integer,             -- pairs near the target so far, with long enough answers
  question_masses double[],       -- near pairs that each reference question has so far, in order
  random_coverage double,         -- expected of random documents for as much, by the warm-up
  random_coverage_low double,     -- sample, with its 95% interval; null: too far to tell
  random_coverage_high double,
  random_near_pairs double,       -- the same, of pairs near the target
  random_near_pairs_low double,
  random_near_pairs_high double,
  gain double,                    -- coverage that the last rounds' documents added per document, or
  gain_low double,                -- per 1,000 tokens if any are billed; low: with 95% at least so much
  gain_high double,
  random_gain double,             -- that a random document adds to as many random ones
  random_gain_low double,
  random_gain_high double,
  pays boolean,                   -- gain_low is at least random_gain; null: too little is known
  accepted_pairs integer,         -- that the data set keeps by then; counted with budget_pairs only
  ended_because varchar,          -- of the campaign's last round: in words, with the numbers
  scoring_tokens bigint not null default 0,      -- of an LLM that rated documents before the round
  paid_scoring_tokens bigint not null default 0, -- of these, not answered before
  scoring_cost double not null default 0,        -- money for all requests of these ratings
  paid_scoring_cost double not null default 0,
  scoring_flops double not null default 0,       -- of a student that scored documents or pairs
  scoring_seconds double not null default 0,     -- of scores and ratings, whoever asked first
  ended_by varchar check (ended_by in ('budget', 'gain')), -- of the campaign's last round
  seconds double not null,        -- of the attempt that finished it: the sum of the
                                  -- next three, and of scoring its pairs
  extraction_seconds double not null, -- asking for documents; what the store held takes none
  embedding_seconds double not null,  -- of pairs that no campaign had embedded before
  selection_seconds double not null,  -- planning, rewards, learning from them
  finished_at timestamp with time zone not null default current_timestamp,
  primary key (campaign, round)
)
