-- Question: did fine-tuning help? Grain: one metric of one campaign's student, perplexity first.
-- Input: student_accuracy; $campaigns.
select
  campaign,
  metric,
  base,
  base_low,
  base_high,
  tuned,
  tuned_low,
  tuned_high,
  n_questions
from student_accuracy
where campaign in (select unnest($campaigns::varchar[]))
order by campaign, metric = 'perplexity' desc, metric
