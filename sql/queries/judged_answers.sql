-- Question: has a model been asked the same questions before, in whichever campaign? Grain: one
-- answer by one measure. Input: student_answers; $judged_as.
with first_judged as (
  select
    campaign,
    student
  from student_answers
  where judged_as = $judged_as
  order by campaign, student
  limit 1
)
select
  measure,
  position,
  sample,
  prompt,
  output,
  extracted,
  is_correct,
  reason,
  log_probability,
  n_tokens
from student_answers
join first_judged using (campaign, student)
where judged_as = $judged_as
order by measure, position, sample
