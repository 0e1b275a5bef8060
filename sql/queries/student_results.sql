-- Question: how good is each campaign's student, beside the untuned base? Grain: one campaign.
-- Input: student_accuracy; $campaigns.
select
  campaign,
  max(base) filter (where metric = 'pmi_accuracy') as base_pmi_accuracy,
  max(tuned) filter (where metric = 'pmi_accuracy') as pmi_accuracy,
  max(base) filter (where metric = 'perplexity') as base_perplexity,
  max(tuned) filter (where metric = 'perplexity') as perplexity
from student_accuracy
where campaign in (select unnest($campaigns::varchar[]))
group by campaign
