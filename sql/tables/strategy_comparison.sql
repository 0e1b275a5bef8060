-- Question: which strategy gives more at the same budget? Grain: one campaign at one budget point.
create table if not exists strategy_comparison (
  campaign varchar not null,
  strategy varchar not null,
  target varchar not null,
  documents bigint not null,      -- asked for at this point
  n_pairs integer not null,       -- in the pool at this point
  tokens bigint not null,
  ot_cost_reference double,       -- pool to the reference split
  ot_cost_test double,            -- pool to the test split; judges only
  coverage_test double,           -- mean similarity of a test pair to its nearest pool pair
  is_last boolean not null,       -- the point that the data set was built at
  pmi_accuracy double,            -- of the student; only at the last point
  perplexity double,
  training_flops double,
  primary key (campaign, documents)
)
