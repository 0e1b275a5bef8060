-- Question: which strategy gives more at the same budget? Grain: one campaign at one point: its last
-- round within each tenth of the shared budget, and its last round of all. Replaced as a whole.
create or replace table strategy_comparison (
  campaign varchar not null,
  strategy varchar not null,
  target varchar not null,
  shared_budget bigint not null,  -- documents; the smallest budget of the target's campaigns
  documents bigint not null,      -- requested at this point
  n_pairs integer not null,       -- in the pool at this point
  tokens bigint not null,
  seconds_per_round double not null, -- mean of the rounds so far
  ot_cost_reference double,       -- pool to the reference split; null without pairs, as all below
  ot_cost_test double,            -- pool to the test split; judges only
  ot_cost_test_nearest double,    -- the same of what dataset.prune keeps of the pool
  coverage_test double,           -- mean similarity of a test pair to its nearest pool pair
  near_pairs integer not null,    -- pairs whose best similarity to a test pair is in the top 3% of
                                  -- all pairs that the target's campaigns have extracted
  is_last boolean not null,       -- the last round, which the data set is built from
  base_pmi_accuracy double,       -- of the untuned student; as all below, only at the last point
                                  -- and if there is a student
  pmi_accuracy double,            -- of the tuned one
  base_perplexity double,
  perplexity double,
  extraction_flops double,        -- null where the LLM's number of parameters is not known
  embedding_flops double,         -- of all pairs of the campaign, whoever had embedded them
  scoring_flops double,           -- of documents and pairs, by the student or the LLM
  training_flops double,
  total_flops double,             -- null where one of these is; selection is not counted
  extraction_seconds double,      -- measured: what the store held took none
  embedding_seconds double,
  scoring_seconds double,         -- whoever had scored them
  selection_seconds double,
  training_seconds double,
  total_seconds double,
  primary key (campaign, documents)
)
