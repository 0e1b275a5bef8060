-- Question: how good is a student by the part of the budget that was spent? Grain: one metric of the
-- student of one campaign at one milestone.
create table if not exists accuracy_over_budget (
  campaign varchar not null,
  milestone varchar not null,     -- share of the corpus, as the settings write it: 2.5%
  metric varchar not null,        -- as in student_accuracy
  round integer not null,         -- the last one within the milestone
  documents bigint not null,      -- requested until then
  n_examples integer not null,    -- pairs trained on; 0: the student is the base
  value double not null,
  value_low double not null,      -- 95% interval
  value_high double not null,
  training_flops double not null,
  mlflow_run_id varchar not null, -- the campaign's; it has the metrics at the step `documents`
  made_as varchar not null,       -- identifies its inputs: a stored row is not made again
  primary key (campaign, milestone, metric)
)
