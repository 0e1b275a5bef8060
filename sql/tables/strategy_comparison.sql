-- Question: which strategy gives more at the same budget? Grain: one campaign at one point: its last
-- round within each tenth of the shared budget, and its last round of all. Made anew as a whole.
create or replace table strategy_comparison (
  campaign varchar not null,
  strategy varchar not null,
  target varchar not null,
  shared_budget bigint not null,  -- documents; the smallest budget of the target's campaigns
  documents bigint not null,      -- asked for at this point
  n_pairs integer not null,       -- in the pool at this point
  tokens bigint not null,
  seconds_per_round double not null, -- mean of the rounds so far
  ot_cost_reference double,       -- pool to the reference split; null without pairs, as all below
  ot_cost_test double,            -- pool to the test split; judges only
  ot_cost_test_nearest double,    -- the same without the 40% farthest from the reference split
  coverage_test double,           -- mean similarity of a test pair to its nearest pool pair
  near_pairs integer not null,    -- pairs whose best similarity to a test pair is in the top 3% of
                                  -- all pairs that the target's campaigns have extracted
  is_last boolean not null,       -- the last round, which the data set is built from
  pmi_accuracy double,            -- of the student, where there is one; only at the last point
  perplexity double,
  training_flops double,
  primary key (campaign, documents)
)
