-- Question: did fine-tuning help? Grain: one metric of one campaign's student, perplexity first.
-- Inputs: student_accuracy, target_qa; $campaigns.
with tests as (
  select
    campaign,
    count(*) as n_test_questions
  from target_qa
  where split = 'test'
  group by campaign
)
select
  campaign,
  metric,
  base,
  base_low,
  base_high,
  tuned,
  tuned_low,
  tuned_high,
  n_questions,
  n_test_questions              -- of which n_questions were drawn
from student_accuracy
left join tests using (campaign)
where campaign in (select unnest($campaigns::varchar[]))
order by campaign, metric = 'perplexity' desc, metric
