-- Question: which students were trained on a QA pair, and how good were they before and after?
-- Grain: one metric of one student that trained on one pair: that of the whole data set ('end'), and
-- those of milestones. What a milestone trained on is stored since there is pruning; before, it was
-- the pairs of the data set until its round.
-- Inputs: qa_dataset, milestone_qa, fine_tuned_student, student_accuracy, accuracy_over_budget.
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
),
trained as (
  select
    campaign,
    milestone as student,
    qa_id
  from milestone_qa
  union all
  select
    qa_dataset.campaign,
    student,
    qa_id
  from qa_dataset
  join (select distinct campaign, student, last_round from students) as whole
    on whole.campaign = qa_dataset.campaign
    and qa_dataset.round <= coalesce(whole.last_round, qa_dataset.round)
  where not exists (
    from milestone_qa
    where milestone_qa.campaign = whole.campaign
      and milestone_qa.milestone = whole.student
  )
)
select
  trained.qa_id,
  trained.campaign,
  trained.student,        -- 'end', or the milestone: a share of the corpus
  students.mlflow_run_id, -- of the fine-tune; for a milestone the campaign's, which has its metrics
  students.n_examples,    -- that it was trained on
  students.metric,        -- perplexity (lower is better), or an accuracy in 0..1
  students.base,          -- before training
  students.tuned          -- after it
from trained
join students using (campaign, student)
