-- Question: how good is each campaign's student, and what did it cost? Grain: one campaign.
-- Inputs: student_accuracy, fine_tuned_student; $campaigns.
select
  campaign,
  max(tuned) filter (where metric = 'pmi_accuracy') as pmi_accuracy,
  max(tuned) filter (where metric = 'perplexity') as perplexity,
  max(flops) as training_flops
from student_accuracy
join fine_tuned_student using (campaign)
where campaign in (select unnest($campaigns::varchar[]))
group by campaign
