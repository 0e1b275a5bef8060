-- Question: what had a campaign extracted until a round that only pruning, which sees all pairs, can
-- have removed? Grain: one QA pair, in order.
-- Inputs: qa_dataset, removed_qa, extracted_qa, bandit_documents, verdicts; $campaign, $round,
-- $pruned (reasons).
with pruned as (
  select
    removed_qa.qa_id,
    removed_qa.question,
    removed_qa.answer,
    round,
    pull
  from removed_qa
  join extracted_qa using (qa_id)
  join bandit_documents using (campaign, content_hash, extractor)
  where campaign = $campaign
    and list_contains($pruned, reason)
),
examples as (
  select
    qa_id,
    question,
    answer,
    round,
    pull
  from qa_dataset
  where campaign = $campaign
  union all
  from pruned
)
select
  examples.qa_id,
  question,
  answer,
  verdicts.qa_id is not null as is_edited
from examples
left join verdicts
  on verdicts.campaign = $campaign
  and verdicts.qa_id = examples.qa_id
  and verdict = 'edited'
where round <= $round
order by round, pull, examples.qa_id
