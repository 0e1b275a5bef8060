-- Question: which students were trained on one QA pair? Grain: one metric of one student; milestones
-- before the end, perplexity first. Input: the view qa_students; $qa_id.
select
  campaign,
  student,
  mlflow_run_id,
  n_examples,
  metric,
  base,
  tuned
from qa_students
where qa_id = $qa_id
order by campaign, student = 'end', n_examples, metric <> 'perplexity', metric
