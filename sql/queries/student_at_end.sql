-- Question: how good is the student of a whole campaign? Grain: one metric.
-- Inputs: student_accuracy, fine_tuned_student; $campaign.
select
  metric,
  tuned as value,
  tuned_low as value_low,
  tuned_high as value_high,
  n_examples,
  flops as training_flops
from student_accuracy
join fine_tuned_student using (campaign)
where campaign = $campaign
order by metric
