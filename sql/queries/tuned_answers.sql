-- Question: how did tuned students do, question by question? Grain: one question of one campaign by one
-- measure; of several generated answers the first. Input: student_answers; $campaigns.
select
  campaign,
  measure,
  position,
  is_correct,
  log_probability,
  n_tokens
from student_answers
where student = 'tuned'
  and sample = 0
  and campaign in (select unnest($campaigns::varchar[]))
order by measure, campaign, position
