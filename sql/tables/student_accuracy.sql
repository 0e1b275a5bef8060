-- Question: did fine-tuning help on the test split? Grain: one metric of one campaign's student.
-- The ends of the intervals hold the true value in 95% of such tests.
create table if not exists student_accuracy (
  campaign varchar not null,
  metric varchar not null,      -- perplexity (lower is better), or an accuracy in 0..1: pmi_accuracy,
                                -- number_strict, number_flexible, math, choice, pass_at_1, pass_at_<samples>
  base double not null,         -- the untuned model
  base_low double not null,
  base_high double not null,
  tuned double not null,
  tuned_low double not null,
  tuned_high double not null,
  n_questions integer not null,
  primary key (campaign, metric)
)
