-- Question: did fine-tuning help on the test split? Grain: one metric of one campaign's student.
create table if not exists student_accuracy (
  campaign varchar not null,
  metric varchar not null,      -- pmi_accuracy (higher is better), perplexity (lower is better)
  base double not null,         -- the untuned model
  tuned double not null,
  tuned_low double,             -- 95% interval, where there is one
  tuned_high double,
  n_questions integer not null,
  primary key (campaign, metric)
)
