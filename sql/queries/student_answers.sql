-- Question: what did a campaign's student answer to the test questions? Grain: one answer by one
-- measure. Input: student_answers; $campaign, $student.
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
where campaign = $campaign
  and student = $student
order by measure, position, sample
