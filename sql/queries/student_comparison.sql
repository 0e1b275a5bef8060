-- Question: is one campaign's student better than another's? Grain: a metric of two campaigns.
-- Input: student_comparison; $campaigns.
select
  campaign,
  other,
  metric,
  n_questions,
  difference,
  ratio,
  ratio_low,
  ratio_high,
  p_value
from student_comparison
where campaign in (select unnest($campaigns::varchar[]))
  and other in (select unnest($campaigns::varchar[]))
order by metric = 'perplexity' desc, metric, campaign, other
