-- Question: is one campaign's student better than another's, or is that chance? Grain: a metric of two
-- campaigns of one target, on the same test questions. Replaced as a whole.
create table if not exists student_comparison (
  campaign varchar not null,
  other varchar not null,
  metric varchar not null,       -- as in student_accuracy
  n_questions integer not null,
  difference double,             -- of accuracies, campaign - other; null for perplexity
  ratio double,                  -- of perplexities, campaign / other: below 1, campaign is better
  ratio_low double,              -- 95% interval, paired bootstrap over questions
  ratio_high double,
  p_value double not null,       -- McNemar's exact test, or that of the bootstrap; two-sided
  primary key (campaign, other, metric)
)
