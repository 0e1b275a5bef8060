-- Question: what did fine-tuning change on the tasks of lm-eval? Grain: one metric of one task.
-- Input: harness_accuracy; $campaign.
select
  task,
  metric,
  base,
  tuned
from harness_accuracy
where campaign = $campaign
order by task, metric
