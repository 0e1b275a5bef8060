-- Question: how good are students by the documents requested? Grain: one metric of one campaign at one
-- point: before any document, at each milestone, at the end.
-- Inputs: accuracy_over_budget, student_accuracy, fine_tuned_student, bandit_round; $campaigns.
with spent as (
  select
    campaign,
    sum(n_documents)::bigint as documents
  from bandit_round
  group by campaign
),
points as (
  select
    campaign,
    'untuned' as point,
    metric,
    0 as documents,
    0 as n_examples,
    base as value,
    base_low as value_low,
    base_high as value_high
  from student_accuracy
  union all
  select
    campaign,
    milestone as point,
    metric,
    documents,
    n_examples,
    value,
    value_low,
    value_high
  from accuracy_over_budget
  union all
  select
    campaign,
    'end' as point,
    metric,
    documents,
    n_examples,
    tuned as value,
    tuned_low as value_low,
    tuned_high as value_high
  from student_accuracy
  join fine_tuned_student using (campaign)
  join spent using (campaign)
)
select
  campaign,
  point,
  metric,
  documents,
  n_examples,
  value,
  value_low,
  value_high
from points
where campaign in (select unnest($campaigns::varchar[]))
order by campaign, metric, documents, point
