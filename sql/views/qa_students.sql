-- Question: which students were trained on a QA pair, and how good were they before and after?
-- Grain: one metric of one student that trained on one pair: that of the whole data set ('end'), and
-- those of the milestones from the pair's round on.
-- Inputs: qa_dataset, fine_tuned_student, student_accuracy, accuracy_over_budget.
create or replace view qa_students as
with students as (
  select
    campaign,
    'end' as student,
    null::integer as last_round,
    mlflow_run_id,
    n_examples,
    metric,
    base,
    tuned
  from fine_tuned_student
  join student_accuracy using (campaign)
  union all
  select
    campaign,
    milestone as student,
    round as last_round,
    accuracy_over_budget.mlflow_run_id,
    accuracy_over_budget.n_examples,
    metric,
    base,
    value as tuned
  from accuracy_over_budget
  left join student_accuracy using (campaign, metric)
)
select
  qa_dataset.qa_id,
  qa_dataset.campaign,
  students.student,       -- 'end', or the milestone: a share of the corpus
  students.mlflow_run_id, -- of the fine-tune; for a milestone the campaign's, which has its metrics
  students.n_examples,    -- that it was trained on
  students.metric,        -- perplexity (lower is better), or an accuracy in 0..1
  students.base,          -- before training
  students.tuned          -- after it
from qa_dataset
join students
  on students.campaign = qa_dataset.campaign
  and qa_dataset.round <= coalesce(students.last_round, qa_dataset.round)
