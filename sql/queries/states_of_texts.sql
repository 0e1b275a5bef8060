-- Question: what does a student make of some texts? Grain: one text that it has read.
-- Inputs: student_states; $scorer, $hashes.
select
  content_hash,
  state
from student_states
where scorer = $scorer
  and content_hash in (select unnest($hashes::varchar[]))
