-- Question: what did fine-tuning change on the tasks of lm-eval? Grain: one metric of one task, or
-- group of tasks, of one campaign's student.
create table if not exists harness_accuracy (
  campaign varchar not null,
  task varchar not null,    -- lm-eval's name, or that of a local task file
  metric varchar not null,  -- lm-eval's name; with /filter where a filter has a name
  base double not null,     -- the untuned model
  base_stderr double,       -- standard error, where lm-eval has one
  tuned double not null,
  tuned_stderr double,
  n integer not null,       -- questions
  primary key (campaign, task, metric)
)
